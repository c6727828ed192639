/** The readers of a topic, for operators. */
export function ReadersTab({ topic }: { readonly topic: string }) {
  return <p class="card empty">The readers of {topic} are not shown by this hub.</p>
}
