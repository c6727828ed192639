/** The height of a row in px: a finger needs more than a pointer. */
export const ROW_HEIGHT = globalThis.matchMedia?.("(pointer: coarse)").matches ? 44 : 30
