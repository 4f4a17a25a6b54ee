import type { ObjectStore } from '#main/artifacts/object-store.ts'
import type { Executor } from '#main/compute/pool/executor.ts'
import type { Repositories } from '#main/store/index.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import type { EngineId } from '#shared/domain/engine.ts'
import type { JobState } from '#shared/domain/stage.ts'
import type { StudySeries } from '#shared/domain/statistics.ts'
import type { Study } from '#shared/domain/study.ts'
import { AppError } from '#shared/errors.ts'
import { freeName } from '#shared/free-name.ts'
import type { ObjectHash, StageKey } from '#shared/ids.ts'
import { attackResults, exposedSamples } from '../comparison/attack-results.ts'
import { resultPage, statisticsOf, studyResult } from '../comparison/study-result.ts'
import { readSampleTable } from '../datasets/sample-data.ts'
import { referenceTmuMethod } from '../jobs/graph/labelling.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { allRuns } from '../jobs/row-pages.ts'
import type { LoadedStudy, PlannedRun } from '../jobs/study-loader.ts'
import { ForgetSamples } from '../outcomes/forget-samples.ts'
import { twinView } from '../outcomes/twin-view.ts'
import type { Engines } from '../system/engines.ts'
import { mapInTurns } from '../turns.ts'
import { attackPlan } from './attack-plan.ts'
import { type CreateStudyParts, createStudy, insertDerived } from './create-study.ts'
import { distributionTest } from './distribution-test.ts'
import { requireRun, requireStudy, toRun } from './find.ts'
import { plannedStages, planStudy } from './plan-study.ts'
import { createSeries, studiesOfSeries } from './series.ts'
import { tunedConfig, tuningConfig } from './tuning.ts'

export interface StudyParts extends CreateStudyParts {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly jobs: Jobs
  readonly engines: Engines
  executorFor(engine: EngineId): Executor
}

export type StudyUseCases = Pick<WorkbenchApi, 'studies' | 'runs' | 'queue'>

/** The contract's study and run procedures. */
export function createStudyUseCases(parts: StudyParts): StudyUseCases {
  const { repositories, objects, jobs, engines, executorFor } = parts
  const forgetSamples = new ForgetSamples(objects)

  const engineOf = async (study: Study): Promise<EngineId> => study.engine ?? (await engines.best())
  const load = async (nameOrId: string): Promise<LoadedStudy> => {
    const study = requireStudy(repositories, nameOrId)
    return await jobs.loader.load(study, await engineOf(study))
  }
  const isStudyName = (name: string): boolean => repositories.studies.findStudy(name) !== null
  const stateOf = (study: Study): JobState => {
    const { state } = requireStudy(repositories, study.id)
    return state === 'new' ? 'queued' : state
  }
  const outputOf = (key: StageKey, output: string): ObjectHash => {
    const object = repositories.stages.getStage(key)?.outputs[output]
    if (object !== undefined) return object
    throw new AppError('not-found', 'This part of the study has not been computed yet.', {
      hint: 'Run the study first, or wait until it is done.',
      details: { stage: key, output },
    })
  }
  const runNow = (id: string) => toRun(objects, requireRun(repositories, id))

  return {
    studies: {
      list: async () => repositories.studies.listStudies(),
      get: async ({ study }) => requireStudy(repositories, study),
      create: (input) => createStudy(parts, input),
      createSeries: (input) => createSeries(parts, input),
      async series({ series: name, metric }) {
        const studies: StudySeries['studies'][number][] = []
        for (const { id: study, name: title, state, config } of studiesOfSeries(repositories, name)) {
          const statistics = await statisticsOf({ repositories, objects, loaded: await load(study) }, { metric })
          const forgetCount = config.series?.forgetCount ?? 0
          studies.push({ study, name: title, state, forgetCount, statistics })
        }
        return { name, studies }
      },
      async plan({ study, stages = true }) {
        const plan = await planStudy(repositories, jobs, await load(study))
        return stages ? plan : { ...plan, stages: [] }
      },
      async planStages({ study, offset, limit }) {
        const loaded = await load(study)
        const { nodes } = loaded
        const stages = await plannedStages(repositories, jobs, loaded, nodes.slice(offset, offset + limit))
        return { total: nodes.length, stages }
      },
      async run({ study: nameOrId, priority }) {
        const study = requireStudy(repositories, nameOrId)
        const engine = await engineOf(study)
        repositories.studies.pinEngine(study.id, engine)
        await jobs.run(requireStudy(repositories, study.id), engine, { priority })
        return { study: study.id, state: stateOf(study) }
      },
      async cancel({ study: nameOrId }) {
        const study = requireStudy(repositories, nameOrId)
        const job = await jobs.activeJobOf(study.id)
        if (job !== null) await job.cancel()
        return { study: study.id, state: stateOf(study) }
      },
      async *watch({ study: nameOrId }, options) {
        const study = requireStudy(repositories, nameOrId)
        yield* jobs.watch(study, await engineOf(study), options?.signal)
      },
      async result({ study, perModel = true, runs = true }) {
        const loaded = await load(study)
        const summary = jobs.jobOf(loaded.study.id)?.summary ?? null
        return await studyResult({ repositories, objects, loaded, summary }, { perModel, withRuns: runs })
      },
      async resultPage({ study, ...page }) {
        return await resultPage({ repositories, objects, loaded: await load(study) }, page)
      },
      tune: async ({ study: nameOrId, name, methods, budget, seeds }) => {
        const study = requireStudy(repositories, nameOrId)
        return insertDerived(repositories, {
          name: name ?? freeName(`${study.name} tuning`, isStudyName),
          config: tuningConfig(study, methods, budget, seeds),
          engine: study.engine,
        })
      },
      adoptTuning: async ({ study: nameOrId, tuning: tuningName, name }) => {
        const study = requireStudy(repositories, nameOrId)
        const tuning = requireStudy(repositories, tuningName)
        const runs = repositories.runs.listRuns({ studyId: tuning.id }).map((run) => toRun(objects, run))
        const { config, notes } = tunedConfig(study, tuning, runs)
        const derived = insertDerived(repositories, {
          name: name ?? freeName(`${study.name} tuned`, isStudyName),
          config,
          engine: study.engine,
        })
        for (const line of notes) parts.note(line)
        return derived
      },
      async attack({ study: nameOrId, ...request }) {
        const study = requireStudy(repositories, nameOrId)
        const plan = attackPlan(study.attacks, request)
        if (study.config.problem === 'twin') {
          throw new AppError(
            'unsupported',
            `The study "${study.name}" tunes methods on the twin problem, which has no golds.`,
            {
              hint: 'Attack the study that it was made for.',
            },
          )
        }
        if ((await jobs.activeJobOf(study.id)) !== null) {
          throw new AppError('conflict', `The study "${study.name}" is at work; its attacks can't change meanwhile.`, {
            hint: 'Wait until it is done, or cancel it: what was finished is kept.',
          })
        }
        repositories.studies.setAttacks(study.id, plan)
        return requireStudy(repositories, study.id)
      },
      async planAttack({ study: nameOrId, ...request }) {
        const study = requireStudy(repositories, nameOrId)
        const attacked = { ...study, attacks: attackPlan(study.attacks, request) }
        return await planStudy(repositories, jobs, await jobs.loader.load(attacked, await engineOf(study)))
      },
      async attackResults({ study }) {
        return await attackResults({ repositories, objects, loaded: await load(study) })
      },
      async exposedSamples({ study, ...query }) {
        const loaded = await load(study)
        const { names } = await readSampleTable(objects, loaded.dataset)
        return await exposedSamples({ repositories, objects, loaded }, names, query)
      },
      async distributionTest({ study }, options) {
        const loaded = await load(study)
        const signal = options?.signal ?? new AbortController().signal
        return await distributionTest({ objects, loaded, executor: executorFor(loaded.engine), signal })
      },
      async statistics({ study, reference, metric }) {
        return await statisticsOf({ repositories, objects, loaded: await load(study) }, { reference, metric })
      },
      async twin({ study, method, seed }) {
        const loaded = await load(study)
        const run = chooseTwinRun(loaded, method, seed)
        const { twin, labels } = run
        if (twin === null || labels === null) throw noTwin(loaded.study, run.method)
        const golds = loaded.nodes.filter(
          (node) => node.kind === 'predict' && loaded.study.config.goldSeeds.includes(node.seed),
        )
        return await twinView(objects, {
          method: run.method,
          seed: run.seed,
          threshold: twin.threshold,
          report: outputOf(twin.predictor, 'report'),
          twinFeatures: outputOf(twin.twinFeatures, 'features'),
          twinOutcome: outputOf(twin.twinOutcome, 'outcome'),
          forgetFeatures: outputOf(twin.forgetFeatures, 'features'),
          labels: outputOf(labels, 'labels'),
          goldOutcomes: golds.flatMap(({ key }) => repositories.stages.getStage(key)?.outputs['outcome'] ?? []),
        })
      },
    },
    queue: {
      get: async () => jobs.queue(),
      async pause({ study }) {
        await jobs.pause(study === undefined ? null : requireStudy(repositories, study), true)
        return jobs.queue()
      },
      async resume({ study }) {
        await jobs.pause(study === undefined ? null : requireStudy(repositories, study), false)
        return jobs.queue()
      },
      async prioritise({ study, priority }) {
        await jobs.prioritise(requireStudy(repositories, study), priority)
        return jobs.queue()
      },
    },
    runs: {
      async list({ study, perModel = true, after, limit }) {
        const runs = await allRuns(repositories, {
          ...(study === undefined ? {} : { study: requireStudy(repositories, study).id }),
          ...(after === undefined ? {} : { after: requireRun(repositories, after).id }),
          ...(limit === undefined ? {} : { limit }),
        })
        return await mapInTurns(runs, (run) => toRun(objects, run, { perModel }))
      },
      get: async ({ run }) => runNow(run),
      async cancel({ run }) {
        const stored = requireRun(repositories, run)
        const job = await jobs.activeJobOf(stored.studyId)
        if (job?.isWorkingOn(stored.id) === true) await job.cancel([stored.id])
        else if (stored.state === 'queued') repositories.runs.cancelRun(stored.id)
        return runNow(stored.id)
      },
      async resume({ run }) {
        const stored = requireRun(repositories, run)
        const study = requireStudy(repositories, stored.studyId)
        const engine = await engineOf(study)
        repositories.studies.pinEngine(study.id, engine)
        await jobs.run(requireStudy(repositories, study.id), engine, { runs: new Set([stored.id]) })
        return runNow(stored.id)
      },
      async forgetSamples({ run, ...query }) {
        const stored = requireRun(repositories, run)
        if (stored.outcome === null) {
          throw new AppError('not-found', `The run ${stored.id} (${stored.method}) has no predictions yet.`, {
            hint: `It is ${stored.state}; run or resume it first.`,
          })
        }
        const loaded = await load(stored.studyId)
        const planned = loaded.runs.find((candidate) => candidate.id === stored.id)
        const labels = planned?.labels ?? null
        return await forgetSamples.page(
          {
            outcome: stored.outcome,
            labels: labels === null ? null : outputOf(labels, 'labels'),
            names: async () => (await readSampleTable(objects, loaded.dataset)).names,
          },
          query,
        )
      },
    },
  }
}

/** The run whose twin problem is asked for; by default that of `tmu`, else of any method that has one. */
function chooseTwinRun({ study, runs }: LoadedStudy, method?: string, seed?: number): PlannedRun {
  const having = runs.filter((run) => run.twin !== null && (seed === undefined || run.seed === seed))
  const found =
    method === undefined
      ? (having.find((run) => run.method === referenceTmuMethod) ?? having[0])
      : having.find((run) => run.method === method)
  if (found === undefined) throw noTwin(study, method)
  return found
}

function noTwin(study: Study, method?: string): AppError {
  const which = method === undefined ? 'a method' : `the method ${method}`
  return new AppError('not-found', `The study "${study.name}" has no run of ${which} with a twin problem.`, {
    hint: 'Only TMU and the controls that use its predictor have one.',
  })
}
