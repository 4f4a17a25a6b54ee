import type { ClassInfo } from '#shared/domain/dataset.ts'
import type { Leakage, QualityReport, SidePair } from '#shared/domain/quality.ts'
import { AppError } from '#shared/errors.ts'
import { formatCount, formatDuration, formatPercent } from '#shared/units.ts'
import type { CommandCall } from '../context.ts'
import { table } from '../output.ts'
import { ProgressLine } from '../progress-line.ts'
import { showProgress } from './dataset-source.ts'

/** @throws AppError `cancelled`. */
export async function runCheck(
  { client, output, signal }: CommandCall,
  dataset: string,
  again: boolean,
): Promise<void> {
  const line = new ProgressLine(output.terminal)
  try {
    for await (const event of await client.datasets.check({ dataset, again }, { signal })) {
      if (event.kind === 'finished') return
      showProgress(line, event)
    }
  } finally {
    line.clear()
  }
  throw new AppError('cancelled', 'The check was cancelled.')
}

const pairNames: Readonly<Record<SidePair, readonly [string, string]>> = {
  'members-evaluation': ['D', 'E'],
  'members-twinPool': ['D', 'H'],
  'twinPool-evaluation': ['H', 'E'],
  'forget-retain': ['F', 'R'],
}

export function describeQuality(report: QualityReport, classes: readonly ClassInfo[]): string {
  const { findings, leakage } = report
  const nameOf = (label: number): string => classes[label]?.name ?? String(label)
  const { mislabelSuspects: suspects, greyInColour: grey } = findings
  const lines = [
    table(
      ['CHECK', 'FOUND', 'OF'],
      [
        ['exact copies', formatCount(findings.exactDuplicates.total), 'groups'],
        ['near copies', formatCount(findings.nearDuplicates.total), 'groups'],
        ['copies with different labels', formatCount(findings.conflictingLabels.total), 'groups'],
        [
          'labels to look at',
          formatCount(suspects.total),
          `images; neighbours are right on ${formatPercent(suspects.neighbourAccuracy)}`,
        ],
        [
          'tiny classes',
          formatCount(findings.tinyClasses.length),
          `classes below ${findings.thresholds.tinyClass} images`,
        ],
        ['grey among colour', formatCount(grey.total), 'images'],
        ['of one single colour', formatCount(findings.blank.total), 'images'],
        ['left out at import', formatCount(report.problems.length), 'files'],
      ],
    ),
    `looked at ${formatCount(findings.sampleCount)} images in ${formatDuration(findings.seconds)}`,
    leakage.length === 0
      ? `split ${report.split}: no related images on two sides`
      : `split ${report.split}${report.forgetSet === null ? '' : `, forget set ${report.forgetSet}`}: related images on two sides`,
  ]
  if (leakage.length > 0) {
    lines.push(
      table(
        ['RELATION', 'BETWEEN', 'CASES', 'IMAGES', 'FOR EXAMPLE'],
        leakage.map((item) => {
          const [first, second] = pairNames[item.pair]
          return [
            relationOf(item),
            `${first} and ${second}`,
            formatCount(item.crossings.total),
            `${formatCount(item.counts[0])} and ${formatCount(item.counts[1])}`,
            exampleOf(item),
          ]
        }),
      ),
    )
  }
  for (const { sample, label, suggested, agreement } of suspects.items.slice(0, 5)) {
    lines.push(
      `sample ${sample} is called ${nameOf(label)}; ${formatPercent(agreement, 0)} of its neighbours are ${nameOf(suggested)}`,
    )
  }
  for (const { label, count } of findings.tinyClasses.slice(0, 5))
    lines.push(`class ${nameOf(label)} has ${count} images`)
  return lines.join('\n')
}

function relationOf({ kind, column }: Leakage): string {
  if (kind === 'group') return `same ${column ?? 'group'}`
  return kind === 'exact' ? 'exact copies' : 'near copies'
}

function exampleOf({ crossings }: Leakage): string {
  const [first] = crossings.items
  if (first === undefined) return ''
  return first.value ?? `samples ${first.first[0]} and ${first.second[0]}`
}
