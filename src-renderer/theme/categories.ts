import type { ThemeName } from './tokens.ts'

/**
 * Colours of classes where many stand side by side: Okabe and Ito's eight and two more, in an order in which neighbours
 * differ for every kind of colour vision, moved until marks reach 3:1 on the surface (held by a test). Classes beyond
 * the tenth begin again; a class is also named wherever the pointer is.
 */
export const categoryColours: Readonly<Record<ThemeName, readonly string[]>> = {
  light: ['#0072b2', '#d55e00', '#008a68', '#c4608f', '#a67c00', '#2b8fc4', '#5b3a8c', '#8a4a2f', '#4d5562', '#6f8f00'],
  dark: ['#4fa8e0', '#f08a3c', '#2fc39a', '#e08fb8', '#f0e442', '#8fd0f5', '#b79be6', '#cf9d8a', '#c3c9d2', '#b5d43a'],
}

/** Viridis at nine places (van der Walt and Smith 2015). */
const viridis = ['#440154', '#472d7b', '#3b528b', '#2c728e', '#21918c', '#28ae80', '#5ec962', '#addc30', '#fde725']

/** The colour of a share 0..1 of the ramp. */
export function rampColour(share: number): string {
  const at = Math.min(1, Math.max(0, share)) * (viridis.length - 1)
  const low = Math.floor(at)
  const high = Math.min(viridis.length - 1, low + 1)
  const channel = (colour: string, place: number): number => Number.parseInt(colour.slice(place, place + 2), 16)
  const mixed = [1, 3, 5].map((place) => {
    const value = channel(viridis[low], place) * (1 - (at - low)) + channel(viridis[high], place) * (at - low)
    return Math.round(value).toString(16).padStart(2, '0')
  })
  return `#${mixed.join('')}`
}
