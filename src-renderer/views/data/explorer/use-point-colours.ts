import { computed, type Ref } from 'vue'
import { sampleFigures } from '#shared/domain/sample.ts'
import { useMessages } from '../../../composables/use-messages.ts'
import { type PointMap, pixelOf } from '../../../lib/explorer/points.ts'
import { usePreferencesStore } from '../../../stores/preferences.ts'
import { categoryColours, rampColour } from '../../../theme/categories.ts'
import { useExplorer } from './use-explorer.ts'

/** The ramp as a CSS gradient's stops. */
const rampStops = Array.from({ length: 9 }, (_, i) => rampColour(i / 8)).join(', ')

/** What colours the points of the map mean, and which each has. `colourBy`: `class`, `part` or a figure. */
export function usePointColours(map: Readonly<Ref<PointMap | null>>, colourBy: Readonly<Ref<string>>) {
  const { t } = useMessages()
  const preferences = usePreferencesStore()
  const explorer = useExplorer()
  const { dataset, columns } = explorer

  /** The figure that colours the points, and its range over them. */
  const ramped = computed(() => {
    const figure = sampleFigures.find((name) => name === colourBy.value)
    const values = figure === undefined ? undefined : explorer.figures.data.value?.values.get(figure)
    if (figure === undefined || values === undefined) return null
    let [low, high, missing] = [Infinity, -Infinity, 0]
    for (const id of map.value?.ids ?? []) {
      if (Number.isNaN(values[id])) {
        missing++
        continue
      }
      low = Math.min(low, values[id])
      high = Math.max(high, values[id])
    }
    return { figure, values, low, high, missing, none: high < low }
  })

  /** One colour a point: of its class or side, or along a ramp. */
  const colours = computed<Uint32Array>(() => {
    const ids = map.value?.ids ?? new Int32Array()
    const palette = categoryColours[preferences.theme].map(pixelOf)
    if (ramped.value !== null) {
      const { values, low, high } = ramped.value
      const ramp = Array.from({ length: 65 }, (_, i) => pixelOf(rampColour(i / 64)))
      const none = pixelOf(preferences.colours.easy)
      return Uint32Array.from(ids, (id) =>
        Number.isNaN(values[id]) ? none : ramp[Math.round(((values[id] - low) / (high - low || 1)) * 64)],
      )
    }
    const part = explorer.facets.value.find(({ id }) => id === 'part')
    const codes = colourBy.value === 'part' && part?.membership.kind === 'one' ? part.membership.codes : columns.labels
    return Uint32Array.from(ids, (id) => palette[codes[id] % palette.length])
  })
  const legend = computed(() => {
    if (sampleFigures.some((name) => name === colourBy.value)) return []
    const part = explorer.facets.value.find(({ id }) => id === 'part')
    const names =
      colourBy.value === 'part' && part !== undefined
        ? (['forget', 'members', 'twinPool', 'evaluation', 'none'] as const).map((one) => t(`explorer.part.${one}`))
        : dataset.classes.map(({ name }) => name)
    const palette = categoryColours[preferences.theme]
    return names.slice(0, 10).map((name, i) => ({ name, colour: palette[i % palette.length] }))
  })

  return { ramped, rampStops, colours, legend }
}
