import type { Command } from 'commander'
import { sampleParts } from '#shared/domain/sample.ts'
import { AppError } from '#shared/errors.ts'
import type { WorkbenchClient } from '../../client.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'
import { unpackInt32 } from '../packed.ts'
import { parseInteger, parseList } from '../parse.ts'

/** Of `forget create`. */
export interface ClusterOptions {
  readonly cluster?: string
  readonly clusters?: string
}

interface ClustersOptions {
  readonly dataset: string
  readonly class?: string
  readonly clusters: string
  readonly split: string
  readonly seed: string
}

export function registerClustersCommand(forget: Command, context: CommandContext): void {
  forget
    .command('clusters')
    .description('clusters of images that look alike (k-means of the pixels’ principal components), for --cluster')
    .requiredOption('--dataset <name>')
    .option('--class <class>', 'of this class’s images alone')
    .option('--clusters <k>', 'how many', '10')
    .option('--split <name>', 'the split whose members are counted', 'default')
    .option('--seed <seed>', 'seed of the clusters, and of the forget set made of them', '1')
    .action((options: ClustersOptions, command: Command) =>
      context.run(command, 'read', async ({ client, output }) => {
        const rows = await clusterRows(client, options)
        output.result(rows, () => {
          const shown = rows.map(({ cluster, images, members, classes, examples }) => [
            cluster,
            images,
            members,
            classes
              .slice(0, 3)
              .map(({ name, count }) => `${name} ${count}`)
              .join(', '),
            examples.slice(0, 4).join(' '),
          ])
          return table(['CLUSTER', 'IMAGES', 'IN D', 'CLASSES', 'NEAREST TO THE CENTRE'], shown)
        })
        return 0
      }),
    )
}

/** What each cluster holds. `examples` are sample indices. */
async function clusterRows(client: WorkbenchClient, options: ClustersOptions) {
  const { dataset: name, split } = options
  const dataset = await client.datasets.get({ dataset: name })
  const [found, { parts }, columns] = await Promise.all([
    client.forgetSets.clusters({
      dataset: name,
      clusters: parseInteger(options.clusters, '--clusters'),
      seed: parseInteger(options.seed, '--seed'),
      within: options.class ?? null,
    }),
    client.samples.parts({ dataset: name, split }),
    client.samples.columns({ dataset: name }),
  ])
  const codes = unpackInt32(found.codes)
  const labels = unpackInt32(columns.labels)
  const partOf = Buffer.from(parts, 'base64')
  const members = found.counts.map(() => 0)
  const classCounts = found.counts.map(() => new Array<number>(dataset.classes.length).fill(0))
  for (const [id, code] of codes.entries()) {
    if (code < 0) continue
    classCounts[code][labels[id]]++
    if (sampleParts[partOf[id]] === 'members') members[code]++
  }
  return found.counts.map((images, at) => ({
    cluster: at + 1,
    images,
    members: members[at],
    classes: classCounts[at]
      .flatMap((count, label) => (count === 0 ? [] : [{ name: dataset.classes[label].name, count }]))
      .sort((a, b) => b.count - a.count),
    examples: found.nearest[at] ?? [],
  }))
}

/** `--cluster 1,4 --clusters 10` */
export function clusterOf({ cluster, clusters }: ClusterOptions) {
  if (cluster === undefined) {
    if (clusters === undefined) return {}
    throw new AppError('bad-input', 'Which of the clusters to forget is not said.', {
      hint: 'Give --cluster, for example --cluster 1,4; tmu forget clusters lists them.',
    })
  }
  const chosen = parseList(cluster).map((text) => parseInteger(text, '--cluster'))
  return { cluster: { chosen, ...(clusters === undefined ? {} : { clusters: parseInteger(clusters, '--clusters') }) } }
}
