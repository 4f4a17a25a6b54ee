import type { Repositories } from '#main/store/index.ts'
import type { PlannedStage, StudyPlan } from '#shared/domain/study.ts'
import type { RunId, StageKey } from '#shared/ids.ts'
import { estimateVisits } from '../jobs/estimate.ts'
import { dependenciesOf } from '../jobs/graph.ts'
import { JobProgress, ranksOf } from '../jobs/job-progress.ts'
import type { Jobs } from '../jobs/jobs.ts'
import type { LoadedStudy } from '../jobs/study-loader.ts'
import { mapInTurns, nextTurn } from '../turns.ts'

/** What a run of the study would compute, what it would reuse, and how long that takes on this machine. */
export async function planStudy(repositories: Repositories, jobs: Jobs, loaded: LoadedStudy): Promise<StudyPlan> {
  const stages = await plannedStages(repositories, jobs, loaded, loaded.nodes)
  await nextTurn()
  const toCompute = stages.filter((stage) => stage.state !== 'succeeded')
  // What is trained once more to an early epoch is no further model.
  const partial = new Set(loaded.nodes.flatMap(({ key, params }) => ('until' in params ? [key] : [])))
  const trained = (kind: PlannedStage['kind']): number =>
    toCompute.filter((stage) => stage.kind === kind && !partial.has(stage.key)).length
  const workers = await jobs.workersOf(loaded)
  return {
    study: loaded.study.name,
    engine: loaded.engine,
    stages,
    toCompute: toCompute.length,
    toReuse: stages.length - toCompute.length,
    trains: {
      originals: trained('train-original'),
      golds: trained('train-gold'),
      twins: trained('train-twin'),
      shadows: trained('train-shadow'),
    },
    workers,
    twin: loaded.nodes.some(({ kind }) => kind === 'train-twin') ? twinOf(loaded) : null,
    seconds: await secondsOf(toCompute, workers.count),
  }
}

function twinOf({ dataset, forgetSet, lists }: LoadedStudy): StudyPlan['twin'] {
  const samples = lists.twin.count
  const classes = dataset.classes.flatMap(({ name }, label) => {
    const forget = forgetSet.classCounts[label]
    return forget > 0 ? [{ className: name, forget, twin: lists.twinCounts.get(label) ?? 0 }] : []
  })
  return {
    samples,
    lacking: classes.flatMap(({ className, forget, twin }) => (twin === 0 ? [{ className, forget }] : [])),
    scarce: classes.flatMap(({ className, forget, twin }) => {
      const [share, forgetShare] = [twin / samples, forget / lists.forget.count]
      return twin > 0 && share < forgetShare / 2 ? [{ className, share, forgetShare }] : []
    }),
  }
}

/** Some of a study's stages, as its plan has them. */
export async function plannedStages(
  repositories: Repositories,
  jobs: Jobs,
  loaded: LoadedStudy,
  nodes: LoadedStudy['nodes'],
): Promise<readonly PlannedStage[]> {
  const isActive = (await jobs.activeJobOf(loaded.study.id)) !== null
  const runsOf = (key: StageKey): readonly RunId[] => (loaded.users.get(key) ?? []).map((run) => run.id)
  return await mapInTurns(nodes, (node): PlannedStage => {
    const stored = repositories.stages.stageState(node.key)
    const isWaiting = stored === null || (stored === 'queued' && !isActive)
    return {
      key: node.key,
      kind: node.kind,
      label: node.label,
      scope: node.scope,
      state: isWaiting ? 'planned' : stored,
      dependsOn: dependenciesOf(node),
      runs: runsOf(node.key),
      estimate: { ...estimateVisits(node, loaded.lists), seconds: jobs.estimateOf(loaded, node).seconds },
    }
  })
}

async function secondsOf(stages: readonly PlannedStage[], capacity: number): Promise<number> {
  const timed = stages.map(({ key, dependsOn, estimate }) => ({ key, dependsOn, seconds: estimate.seconds ?? 0 }))
  const ranks = ranksOf(timed)
  await nextTurn()
  const progress = new JobProgress(capacity)
  progress.add(timed.map(({ key, seconds }) => ({ key, seconds, rank: ranks.get(key) ?? seconds })))
  return progress.etaSeconds(0)
}
