import type { RateLimit } from "@headwater/core"

/** What a bucket holds, at a moment. Below 0: taken ahead of time by those who wait. */
export interface Bucket {
  readonly tokens: number
  /** `elapsed` ms. */
  readonly at: number
}

/** Takes one token now, or ahead of time: then `delayMs` is how long to wait for it. */
export function take(
  bucket: Bucket,
  limit: RateLimit,
  now: number,
): { readonly bucket: Bucket; readonly delayMs: number } {
  const { burst, perSecond } = limit
  if (perSecond === Number.POSITIVE_INFINITY)
    return { bucket: { tokens: burst, at: now }, delayMs: 0 }
  const grown = bucket.tokens + ((now - bucket.at) / 1_000) * perSecond
  const tokens = Math.min(burst, grown) - 1
  const delayMs = tokens >= 0 ? 0 : (-tokens / perSecond) * 1_000
  return { bucket: { tokens, at: now }, delayMs }
}

/** Puts back a token that was taken ahead of time and is not wanted any more. */
export function giveBack({ tokens, at }: Bucket, { burst }: RateLimit): Bucket {
  return { tokens: Math.min(burst, tokens + 1), at }
}

/** A limit as it is meant: what is not above 0 is the default, no limit and a burst of 2. */
export function rateLimitOf(limit: Partial<RateLimit> = {}): RateLimit {
  const { perSecond = 0, burst = 0 } = limit
  return {
    perSecond: perSecond > 0 ? perSecond : Number.POSITIVE_INFINITY,
    burst: burst > 0 ? burst : 2,
  }
}
