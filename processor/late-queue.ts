export interface LateJourneys {
  readonly service: string
  readonly journeys: readonly bigint[]
}

/** Journeys that wait for a verdict, in pieces of one service each: first come, first served, piece by piece. */
export interface LateQueue {
  add(service: string, journeys: readonly bigint[]): void
  /** Puts a piece back behind all others, as two. */
  halve(late: LateJourneys): void
  take(): LateJourneys | undefined
  size(): number
}

/** Journeys of one piece: one statement. */
const pieceMax = 1_000
/** What is more than this is not taken: the next start finds it, and answers compute it meanwhile. */
const journeysMax = 500_000

interface Piece {
  readonly service: string
  readonly journeys: Set<bigint>
}

export function createLateQueue(): LateQueue {
  const pieces: Piece[] = []
  /** Pieces that still take more. */
  const open = new Map<string, Piece>()
  const size = () => pieces.reduce((sum, { journeys }) => sum + journeys.size, 0)
  return {
    add(service, journeys) {
      let room = journeysMax - size()
      for (const journey of journeys) {
        if (room <= 0) return
        let piece = open.get(service)
        if (piece === undefined || piece.journeys.size >= pieceMax) {
          piece = { service, journeys: new Set() }
          open.set(service, piece)
          pieces.push(piece)
        }
        piece.journeys.add(journey)
        room -= 1
      }
    },

    halve({ service, journeys }) {
      const middle = Math.ceil(journeys.length / 2)
      for (const half of [journeys.slice(0, middle), journeys.slice(middle)])
        if (half.length > 0) pieces.push({ service, journeys: new Set(half) })
    },

    take() {
      const piece = pieces.shift()
      if (piece === undefined) return undefined
      if (open.get(piece.service) === piece) open.delete(piece.service)
      return { service: piece.service, journeys: [...piece.journeys] }
    },

    size,
  }
}
