import { demoClassNames, demoSide, demoSplitRule, readDemoSet } from '../demo-set.ts'
import { rawImage } from './array-images.ts'
import type { LoadedImage, SampleSource } from './sample-source.ts'

/** The packed demo images, with the split that the demo study is made for. Samples are named CLASS/ROW. */
export async function openDemoSource(path: string): Promise<SampleSource> {
  const { images, labels, rows } = await readDemoSet(path)
  const bytes = demoSide * demoSide
  const entries = Array.from(labels, (label, i) => ({
    name: `${label}/${String(rows[i]).padStart(4, '0')}`,
    className: demoClassNames[label],
    givenSplit: null,
  }))
  async function* load(indices: readonly number[] | null): AsyncGenerator<LoadedImage> {
    for (const index of indices ?? entries.keys()) {
      const pixels = images.subarray(index * bytes, (index + 1) * bytes)
      yield { index, image: rawImage(pixels, demoSide, demoSide, 1), reason: '' }
    }
  }
  return {
    format: 'demo',
    entries,
    classNames: demoClassNames,
    groups: [],
    leftOut: [],
    splitRule: demoSplitRule,
    load,
    async [Symbol.asyncDispose]() {},
  }
}
