import { resolve } from 'node:path'
import type { Command } from 'commander'
import { forkLauncher } from '#main/compute/pool/fork-launcher.ts'
import { Engines } from '#main/workbench/system/engines.ts'
import {
  benchBatchSize,
  benchNetworks,
  type EngineChoice,
  type EngineFile,
  type EngineId,
  type EngineStatus,
  type EngineTimes,
  engineIds,
  type InstallableEngineId,
  installableEngineIds,
} from '#shared/domain/engine.ts'
import { AppError } from '#shared/errors.ts'
import { formatMebibytes } from '#shared/units.ts'
import type { CommandContext } from '../context.ts'
import { table } from '../output.ts'
import { ProgressLine } from '../progress-line.ts'

const installableNames = installableEngineIds.join(' or ')

export function registerEngineCommands(program: Command, context: CommandContext): void {
  const engine = program.command('engine').description('tensor engines of this machine')
  engine
    .command('list')
    .description('which engines are there')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'machine', async ({ client, output }) => {
        const engines = await client.engines.list()
        output.result(engines, () => describe(engines))
        return 0
      }),
    )
  engine
    .command('doctor')
    .description('run each engine’s self-test; say why an engine is missing and what to do')
    .action((_options: unknown, command: Command) =>
      context.run(command, 'machine', async ({ client, output }) => {
        const engines = await client.engines.doctor()
        const works = engines.some((item) => item.available)
        const choice = works && !output.json ? await client.system.info() : null
        output.result(engines, () =>
          [describe(engines), ...(choice === null ? [] : [describeChoice(choice, engines)])].join('\n\n'),
        )
        return works ? 0 : 1
      }),
    )
  engine
    .command('bench')
    .argument('[engines...]', `${engineIds.join(', ')}; default: every one that works`)
    .description('time training steps on the engines, in turns')
    .action((names: readonly string[], _options: unknown, command: Command) =>
      context.run(command, 'machine', async ({ client, output, signal }) => {
        output.note('Timing training steps; this takes half a minute or so.')
        const wanted = names.map(known)
        const times = await client.engines.bench(wanted.length === 0 ? {} : { engines: wanted }, { signal })
        output.result(times, () => describeTimes(times))
        return 0
      }),
    )
  engine
    .command('install')
    .argument('<engine>', installableNames)
    .description('install TensorFlow’s library (native: 0.2 GB to download, cuda: 2.8 GB)')
    .option('--from <path>', 'an archive, or a folder of archives, instead of the network; see: tmu engine files')
    .action((name: string, options: { readonly from?: string }, command: Command) =>
      // In this process, for its folder of engines, whoever holds the workspace: that one may have another folder.
      context.runAlone(command, async ({ output, signal }) => {
        const line = new ProgressLine(output.terminal)
        const file = options.from === undefined ? undefined : resolve(options.from)
        let installed: EngineStatus | null = null
        try {
          for await (const event of new Engines(forkLauncher).install(installable(name), file, signal)) {
            if (event.kind === 'finished') {
              installed = event.status
              continue
            }
            const { done, total, etaSeconds, rate, phase, part } = event
            const speed = rate === null ? [] : [`${formatMebibytes(rate)}/s`]
            const what = [phase, ...speed, ...(part === null ? [] : [part])].join(', ')
            line.update(total === null ? 0 : done / total, etaSeconds, what)
          }
        } finally {
          line.clear()
        }
        const status = installed
        if (status === null) throw new AppError('cancelled', 'The installation was cancelled; nothing was changed.')
        output.result(status, () => describe([status]))
        return 0
      }),
    )
  engine
    .command('files')
    .argument('<engine>', installableNames)
    .description('what to download on another machine, for install --from')
    .action((name: string, _options: unknown, command: Command) =>
      context.run(command, 'machine', async ({ client, output }) => {
        const files = await client.engines.files({ engine: installable(name) })
        output.result(files, () => describeFiles(name, files))
        return 0
      }),
    )
  engine
    .command('uninstall')
    .argument('<engine>', installableNames)
    .description('remove an installed engine, and what was downloaded for it')
    .action((name: string, _options: unknown, command: Command) =>
      context.runAlone(command, async ({ output }) => {
        const result = await new Engines(forkLauncher).uninstall(installable(name))
        output.result(result, () =>
          result.removed ? `The ${name} engine was removed.` : `The ${name} engine was not installed.`,
        )
        return 0
      }),
    )
}

function known(name: string): EngineId {
  const found = engineIds.find((id) => id === name)
  if (found !== undefined) return found
  throw new AppError('bad-input', `There is no engine "${name}".`, { hint: `Engines: ${engineIds.join(', ')}.` })
}

function installable(name: string): InstallableEngineId {
  const found = installableEngineIds.find((id) => id === name)
  if (found !== undefined) return found
  throw new AppError('bad-input', `The engine "${name}" can't be installed.`, {
    hint: `Engines to install: ${installableEngineIds.join(', ')}.`,
  })
}

/** Facts in columns; reasons, which are sentences, below. */
function describe(engines: readonly EngineStatus[]): string {
  const facts = table(
    ['ENGINE', 'AVAILABLE', 'VERSION', 'THREADS', 'SELF-TEST', 'KERNELS', 'DEVICE'],
    engines.map((item) => [
      item.id,
      item.available ? 'yes' : 'no',
      item.version ?? '–',
      item.threads ?? '–',
      item.selfTestSeconds === undefined ? '–' : `${item.selfTestSeconds.toFixed(2)} s`,
      kernelsOf(item)?.name ?? '–',
      item.device ?? '–',
    ]),
  )
  const reasons = engines.flatMap((item) =>
    [item.reason, kernelsOf(item)?.replaced, item.advice].flatMap((text) =>
      text === undefined ? [] : [`${item.id}: ${text}`],
    ),
  )
  return [facts, ...(reasons.length === 0 ? [] : [reasons.join('\n')])].join('\n\n')
}

/** The name of the set, and those of its kernels that others stand in for, which can be many. */
function kernelsOf({ kernelSet }: EngineStatus): { readonly name: string; readonly replaced?: string } | undefined {
  const [, name, form, replaced] = /^(\S+) \((\w+): (.*)\)$/.exec(kernelSet ?? '') ?? []
  if (name === undefined) return kernelSet === undefined ? undefined : { name: kernelSet }
  return {
    name: `${name}, partly`,
    replaced: `These kernels are ${form} ones, since ours failed their trial here: ${replaced}.`,
  }
}

/** Of better engines only those that work: why the others don't has been said. */
function describeChoice({ engine, passedOver }: EngineChoice, engines: readonly EngineStatus[]): string {
  const working = new Set(engines.filter(({ available }) => available).map(({ id }) => id))
  return [
    `New studies use ${engine}.`,
    ...passedOver.filter(({ id }) => working.has(id)).map(({ id, reason }) => `${id} is passed over: ${reason}`),
  ].join('\n')
}

function describeTimes(times: readonly EngineTimes[]): string {
  const networks = benchNetworks.map(({ name, architecture }) => `${name} (${architecture})`)
  const rows = times.map(({ engine: { id, device }, steps }) => [
    id,
    ...benchNetworks.map((_, n) =>
      steps[n] === undefined ? '–' : `${steps[n].min.toFixed(1)} / ${steps[n].median.toFixed(1)}`,
    ),
    device ?? '–',
  ])
  const reasons = times.flatMap(({ engine: { id }, reason }) => (reason === undefined ? [] : [`${id}: ${reason}`]))
  return [
    `Milliseconds of a training step, batch ${benchBatchSize}: minimum / median\n${table(['ENGINE', ...networks, 'DEVICE'], rows)}`,
    ...(reasons.length === 0 ? [] : [reasons.join('\n')]),
  ].join('\n\n')
}

function describeFiles(name: string, files: readonly EngineFile[]): string {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  return [
    `The ${name} engine is installed from ${files.length === 1 ? 'this file' : `these ${files.length} files`}, ${formatMebibytes(total)} in all:`,
    '',
    ...files.flatMap(({ title, name: file, bytes, sha256, command }) => [
      `${title}, ${formatMebibytes(bytes)}`,
      `  ${file}`,
      `  sha256 ${sha256}`,
      `  ${command}`,
    ]),
    '',
    `Then: tmu engine install ${name} --from ${files.length === 1 ? 'FILE' : 'FOLDER'}`,
  ].join('\n')
}
