import type { ComponentChildren, RefObject } from "preact"
import { useLayoutEffect, useRef, useState } from "preact/hooks"

/** Rows above and below the visible ones, so that scrolling shows no blank. */
const OVERSCAN = 8

/** Rows of one height in a box that scrolls: only the visible ones are drawn. */
export interface VirtualRowsProps {
  readonly count: number
  readonly rowHeight: number
  /** The row that is kept in view after it changes; -1 for none. */
  readonly active?: number
  readonly row: (index: number) => ComponentChildren
  /** Roles, names and keys of the box. */
  readonly box?: Readonly<Record<string, unknown>>
  readonly className?: string
}

/** Draws the visible rows of many, in a box that is as tall as its place. */
export function VirtualRows(props: VirtualRowsProps) {
  const { count, rowHeight, active = -1, row, box = {}, className = "" } = props
  const place = useRef<HTMLDivElement>(null)
  const { top, height } = useVisiblePart(place)
  useLayoutEffect(() => {
    const element = place.current
    if (!element || active < 0) return
    const start = active * rowHeight
    if (start < element.scrollTop) element.scrollTop = start
    else if (start + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = start + rowHeight - element.clientHeight
    }
  }, [active, rowHeight, height === 0])
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN)
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN)
  const rows: ComponentChildren[] = []
  for (let index = first; index < end; index++) rows.push(row(index))
  // A row that keys speak of must be there, though it was scrolled away.
  if (active >= 0 && active < count && (active < first || active >= end)) rows.push(row(active))
  return (
    <div class={`rows ${className}`} ref={place} {...box}>
      <div class="rows-all" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {rows}
      </div>
    </div>
  )
}

/** The style of a row of `VirtualRows`. */
export function rowStyle(index: number, rowHeight: number): Record<string, string> {
  return { transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` }
}

function useVisiblePart(place: RefObject<HTMLDivElement | null>) {
  const [part, setPart] = useState({ top: 0, height: 0 })
  useLayoutEffect(() => {
    const element = place.current
    if (!element) return undefined
    const read = () => {
      const { scrollTop: top, clientHeight: height } = element
      setPart((before) =>
        before.top === top && before.height === height ? before : { top, height },
      )
    }
    const observer = new ResizeObserver(read)
    observer.observe(element)
    element.addEventListener("scroll", read, { passive: true })
    read()
    return () => {
      observer.disconnect()
      element.removeEventListener("scroll", read)
    }
  }, [])
  return part
}
