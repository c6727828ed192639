/**
 * The CRC-32 of joined parts, from the CRCs of the parts: in polynomials over GF(2), modulo that of
 * gzip, appending a part multiplies the CRC before by x to the number of the part's bits. After
 * `crc32_combine_op` of zlib, which is by Mark Adler.
 *
 * @module
 */

/** The polynomial of gzip without its highest term, bits reversed: bit 31 is x⁰. */
const POLYNOMIAL = 0xedb88320

/** x to the 2ⁿ, for n from 0 to 31. */
const SQUARES = squares()

/** Returns the factor by which appending so many bytes changes the CRC before: see `combine`. */
export function shiftOf(bytes: number): number {
  let shift = 1 << 31
  // A byte is 8 bits: 2³ of them.
  for (let n = 3, rest = bytes; rest > 0; n++, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(SQUARES[n % 32]!, shift)
  }
  return shift
}

/** Returns the CRC of two parts together. `shift`: of the second length. Some 60 ns. */
export function combine(first: number, second: number, shift: number): number {
  return (multiply(shift, first) ^ second) >>> 0
}

function multiply(a: number, b: number): number {
  let product = 0
  for (let rest = a, power = b; rest !== 0; rest <<= 1) {
    if (rest < 0) product ^= power
    power = power & 1 ? (power >>> 1) ^ POLYNOMIAL : power >>> 1
  }
  return product
}

function squares(): readonly number[] {
  const found = [1 << 30]
  while (found.length < 32) found.push(multiply(found.at(-1)!, found.at(-1)!))
  return found
}
