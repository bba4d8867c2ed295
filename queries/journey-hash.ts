/** A journey as answers name it: 16 lower-case hex digits. @param journey UInt64 as ClickHouse gives it */
export function journeyHex(journey: string): string {
  return BigInt(journey).toString(16).padStart(16, '0')
}

/** The number behind the name; `undefined` for what is not one. */
export function journeyNumber(hex: string): bigint | undefined {
  return /^[0-9a-f]{16}$/.test(hex) ? BigInt(`0x${hex}`) : undefined
}
