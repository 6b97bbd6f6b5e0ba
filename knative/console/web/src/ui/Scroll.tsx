import { type ReactNode, useEffect, useRef, useState } from 'react'

/** A frame that scrolls what is too large for it. While something is, the keyboard comes to it under its name; else there is nothing to come to. */
export function Scroll({ name, className, children }: { name: string; className: string | undefined; children: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null)
  const [over, setOver] = useState(false)
  useEffect(() => {
    const frame = ref.current
    if (!frame || typeof ResizeObserver === 'undefined') return
    // What has the focus keeps it, until that goes elsewhere.
    const look = () => setOver(frame.scrollWidth > frame.clientWidth || frame.scrollHeight > frame.clientHeight || frame === document.activeElement)
    const observer = new ResizeObserver(look)
    for (const one of [frame, ...frame.children]) observer.observe(one)
    frame.addEventListener('blur', look)
    return () => {
      observer.disconnect()
      frame.removeEventListener('blur', look)
    }
  }, [])
  // A group, and no region: those are the places of a page, and this lies within one that often has the same name.
  return (
    <div ref={ref} className={className} {...(over && { role: 'group', 'aria-label': name, tabIndex: 0 })}>
      {children}
    </div>
  )
}
