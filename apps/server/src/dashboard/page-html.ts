import type { ValueKind } from "@headwater/protocol"

/** A topic in the page's list. */
export interface PageTopic {
  readonly name: string
  readonly values: ValueKind
}

/**
 * Returns the page at `/`, which follows one topic with the client; at first the first. Everything
 * that it needs comes from this hub.
 *
 * @param nonce for the content security policy, so that no other script or style runs.
 */
export function pageHtml(
  topics: readonly PageTopic[],
  importMap: Readonly<Record<string, string>>,
  nonce: string,
): string {
  const isBuilt = Object.hasOwn(importMap, "@headwater/client")
  const options = topics
    .map(({ name, values }) => `<option data-values="${values}">${escapeHtml(name)}</option>`)
    .join("")
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Headwater</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<style nonce="${nonce}">${STYLE}</style>
<script type="importmap" nonce="${nonce}">${scriptJson({ imports: importMap })}</script>
${isBuilt ? '<script type="module" src="/assets/page/follow.js"></script>' : ""}
<header>
  <h1>Headwater</h1>
  <label>topic <select id="topic">${options}</select></label>
  <span id="state" class="state">…</span>
</header>
<main>
  <p id="problem"${isBuilt ? " hidden" : ""}>
    This page has not been built yet: run <code>npm run build</code>, then load it again.
    The hub itself works.
  </p>
  <dl>
    <div><dt>entries</dt><dd id="entries">–</dd></div>
    <div><dt>revision</dt><dd id="revision">–</dd></div>
    <div><dt>digest</dt><dd id="digest">–</dd></div>
    <div><dt>source</dt><dd id="source">–</dd></div>
  </dl>
  <div class="columns">
    <section>
      <h2>Last changes</h2>
      <table>
        <thead><tr><th class="narrow">what<th>key<th>value<th>revision</tr></thead>
        <tbody id="changes"></tbody>
      </table>
    </section>
    <section>
      <h2>Entries
        <input id="search" type="search" placeholder="search keys" autocomplete="off"></h2>
      <table>
        <thead><tr><th>key<th>value<th>revision</tr></thead>
        <tbody id="rows"></tbody>
      </table>
      <p id="more"></p>
    </section>
  </div>
</main>
</html>
`
}

/** The page's icon: a drop of water. */
export const ICON_SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0a6c8f" ' +
  'd="M16 2c5 7 10 11 10 17a10 10 0 0 1-20 0c0-6 5-10 10-17z"/></svg>\n'

const STYLE = `
:root { color-scheme: light dark; --proven: #2c9f5c;
  --ink: light-dark(#17212b, #dfe7ee); --dim: light-dark(#5b6b7a, #8fa1b3);
  --line: light-dark(#dbe3ea, #2a3642); --paper: light-dark(#fbfcfd, #10171e);
  --water: light-dark(#0a6c8f, #58bfe0); }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: baseline;
  padding: 1rem 2rem; border-bottom: 1px solid var(--line) }
h1 { font-size: 1.25rem; margin: 0; color: var(--water); letter-spacing: .02em }
h2 { font-size: 1rem; margin: 0 0 .5rem; display: flex; height: 2rem; align-items: center;
  justify-content: space-between }
main { padding: 1.5rem 2rem }
label, dt, th, .state, #more { color: var(--dim); font-size: .85rem; font-weight: normal }
select, input { font: inherit; font-size: .9rem; color: inherit; background: transparent;
  border: 1px solid var(--line); border-radius: 4px; padding: .15rem .4rem; font-weight: normal }
.state::before { content: "●"; margin-right: .4em; color: #d09020 }
.state[data-state=live]::before { color: var(--proven) }
.state[data-state=closed]::before { color: #c0392b }
label { white-space: nowrap }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 0 0 2rem }
dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums }
#digest, #source { font-size: .95rem; line-height: 2.25rem }
.proven { color: var(--proven) }
.columns { display: grid; gap: 2.5rem;
  grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)) }
table { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: .85rem }
th { text-align: left; border-bottom: 1px solid var(--line); padding: 0 .5rem 0 0 }
td { border-bottom: 1px solid var(--line); padding: .2rem .5rem .2rem 0; overflow: hidden;
  white-space: nowrap; text-overflow: ellipsis; font-family: ui-monospace, monospace }
#changes td:first-child { color: var(--dim) }
th.narrow { width: 5rem }
td:last-child, th:last-child { width: 6rem; padding-right: 0; text-align: right;
  font-variant-numeric: tabular-nums }
#problem { border: 1px solid var(--line); border-radius: 6px; padding: 1rem }
`

// JSON in a script element: nothing in it may end the element.
function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c")
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")
}
