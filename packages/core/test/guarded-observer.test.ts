import { expect, test } from "vitest"
import { InvariantError } from "../src/errors.ts"
import { GuardedObserver } from "../src/guarded-observer.ts"

interface Observer {
  onSize?(size: number): void
  onEnd?(): void
  onError?(error: unknown): void
}

test("an observer keeps its methods, and what it throws goes to onError alone", () => {
  const heard: unknown[] = []
  const { tells } = new GuardedObserver<Observer>(
    {
      onSize(size) {
        heard.push(size)
        throw new Error("size")
      },
      onError(error) {
        heard.push(error)
        throw new Error("again")
      },
    },
    ["onSize", "onEnd"],
  )
  tells.onSize?.(3)

  expect(heard).toEqual([3, new Error("size")])
  expect(tells.onEnd).toBeUndefined()
})

test("assertOutside() refuses within a method, and in no other place", () => {
  const errors: unknown[] = []
  const observer: Observer = { onEnd: () => guard.assertOutside(), onError: (e) => errors.push(e) }
  const guard = new GuardedObserver(observer, ["onEnd"])
  guard.tells.onEnd?.()

  expect(errors).toEqual([expect.any(InvariantError)])
  expect(() => guard.assertOutside()).not.toThrow()
})
