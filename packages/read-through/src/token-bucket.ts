import type { RateLimit } from "@headwater/core"

/** The tokens in a bucket at a moment. Below 0: taken ahead of time by waiting reads. */
export interface Bucket {
  readonly tokens: number
  /** `elapsed` ms. */
  readonly at: number
}

/** Takes one token now, or ahead of time: then `delayMs` is the wait for it. */
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

/** Puts back a token that was taken ahead of time and is not needed. */
export function giveBack({ tokens, at }: Bucket, { burst }: RateLimit): Bucket {
  return { tokens: Math.min(burst, tokens + 1), at }
}

/** Fills in the defaults of a limit, for 0 or absent: no limit, and a burst of 2. */
export function rateLimitOf(limit: Partial<RateLimit> = {}): RateLimit {
  const { perSecond = 0, burst = 0 } = limit
  return {
    perSecond: perSecond > 0 ? perSecond : Number.POSITIVE_INFINITY,
    burst: burst > 0 ? burst : 2,
  }
}
