import { describe, expect, it } from 'vitest'
import { principalComponents } from '#main/workbench/datasets/principal-components.ts'
import { findProblems } from '#main/workbench/datasets/quality/find-problems.ts'
import { findLeakage } from '#main/workbench/datasets/quality/leakage.ts'
import { differingBits } from '#main/workbench/datasets/quality/perceptual-hash.ts'
import { Random } from '#shared/random.ts'

const side = 28
const size = side * side

/** Smooth pictures of random waves; class 1's are bright on the left, class 0's on the right. */
function pictures(count: number): { readonly images: Uint8Array; readonly labels: Int32Array } {
  const random = Random.of(3, 'pictures')
  const images = new Uint8Array(count * size)
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2)
  for (let i = 0; i < count; i++) {
    const [fx, fy, phase] = [random.uniform(), random.uniform(), 6 * random.uniform()]
    for (let p = 0; p < size; p++) {
      const [x, y] = [p % side, Math.floor(p / side)]
      const bright = x < side / 2 === (labels[i] === 1) ? 150 : 40
      images[i * size + p] = bright + 30 * Math.sin(fx * x + fy * y + phase) + random.below(8)
    }
  }
  return { images, labels }
}

async function check(images: Uint8Array, labels: Int32Array, duplicateOf: readonly number[]) {
  async function* chunks() {
    yield images
  }
  return await findProblems({
    shape: [side, side, 1],
    labels,
    classCount: 2,
    duplicateOf,
    images: chunks(),
    onProgress: () => {},
  })
}

describe('a look at images', () => {
  it('finds copies, near copies, blank ones and a planted wrong label', async () => {
    const { images, labels } = pictures(120)
    const picture = (i: number): Uint8Array => images.subarray(i * size, (i + 1) * size)
    picture(50).set(picture(10))
    picture(60).set(picture(20).map((value, p) => value + (p % 3)))
    picture(70).fill(9)
    labels[31] = 1 - labels[31]
    const findings = await check(
      images,
      labels,
      Array.from({ length: 120 }, (_, i) => (i === 50 ? 10 : -1)),
    )
    expect(findings.exactDuplicates.items).toEqual([{ samples: [10, 50], difference: 0 }])
    expect(findings.nearDuplicates.items.map(({ samples }) => samples)).toContainEqual([20, 60])
    expect(findings.blank.items).toEqual([70])
    expect(findings.mislabelSuspects.items.map(({ sample }) => sample)).toEqual([31])
    expect(findings.conflictingLabels.total).toBe(0)
    expect(findings.tinyClasses).toEqual([])
  })

  it('suspects nobody where labels are random', async () => {
    const { images } = pictures(100)
    const random = Random.of(1, 'labels')
    const labels = Int32Array.from({ length: 100 }, () => random.below(2))
    expect((await check(images, labels, Array(100).fill(-1))).mislabelSuspects.total).toBe(0)
  })
})

describe('leakage', () => {
  const sides = {
    members: Int32Array.of(0, 1, 2, 3),
    twinPool: Int32Array.of(4),
    evaluation: Int32Array.of(5, 6),
    forget: Int32Array.of(0),
  }

  it('is where related samples lie on two sides, and between F and R', () => {
    const related = {
      exact: [
        { samples: [0, 2], difference: 0 },
        { samples: [5, 6], difference: 0 },
      ],
      near: [{ samples: [1, 5], difference: 2 }],
      groups: [{ name: 'person', values: ['ann', 'bob'], codes: Int32Array.of(0, 1, 1, -1, 0, 1, -1) }],
    }
    const found = findLeakage(7, sides, related).map(({ kind, pair, counts }) => [kind, pair, ...counts])
    expect(found).toEqual([
      ['exact', 'forget-retain', 1, 1],
      ['near', 'members-evaluation', 1, 1],
      ['group', 'members-evaluation', 2, 1],
      ['group', 'members-twinPool', 1, 1],
    ])
  })
})

describe('its parts', () => {
  it('count differing bits', () => {
    expect([differingBits(0, 0), differingBits(-1, 0), differingBits(0b1011, 0b0110)]).toEqual([0, 32, 3])
  })

  it('find the direction of largest variance', () => {
    // Points on a line of direction (3, 4): its first coordinate is the distance from the middle, 5 a step.
    const rows = Uint8Array.from([0, 0, 3, 4, 6, 8, 9, 12])
    const { scores } = principalComponents(rows, 2, 1)
    const sign = Math.sign(scores[3])
    expect([...scores].map((value) => Math.round(1000 * value * sign) / 1000)).toEqual([-7.5, -2.5, 2.5, 7.5])
  })
})
