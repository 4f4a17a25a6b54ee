/**
 * The one contract between the workbench and its shells: procedure -> input schema, output type. The
 * same router serves MessagePort (Electron), WebSocket (server, attach) and direct calls (command line, tests).
 */
import { eventIterator, oc, type } from '@orpc/contract'
import { z } from 'zod'
import type { AttackInfo, AttackResults, ExposedSample } from '#shared/domain/attack.ts'
import type {
  BinnedDataset,
  Dataset,
  GroupReport,
  RemovedDataset,
  RestoredDataset,
  Split,
} from '#shared/domain/dataset.ts'
import type { EngineFile, EngineStatus, EngineTimes } from '#shared/domain/engine.ts'
import type { ForgetSet } from '#shared/domain/forget-set.ts'
import type { Evaluation } from '#shared/domain/metrics.ts'
import type { QualityReport } from '#shared/domain/quality.ts'
import { priorities, type Queue } from '#shared/domain/queue.ts'
import type { EmbeddingEvent, Neighbour, PackedSamples, RunFigures, SampleDetails, Tag } from '#shared/domain/sample.ts'
import type { JobState } from '#shared/domain/stage.ts'
import { comparedMetrics, type StudySeries, type StudyStatistics } from '#shared/domain/statistics.ts'
import type { ModelExport, PlannedStage, ResultPage, Run, Study, StudyPlan, StudyResult } from '#shared/domain/study.ts'
import type { ArchitectureInfo, MethodInfo, SystemInfo, WorkspaceCheck } from '#shared/domain/system.ts'
import type { ForgetSample, TwinPoolTest, TwinView } from '#shared/domain/tmu.ts'
import type { AppErrorShape } from '#shared/errors.ts'
import type { CheckEvent, EngineInstallEvent, ImportEvent, PreviewEvent, StudyEvent } from '#shared/progress.ts'
import {
  adoptTuningInput,
  attackStudyInput,
  benchEnginesInput,
  clustersInput,
  createForgetSetInput,
  createSeriesInput,
  createStudyInput,
  datasetGroupsInput,
  embeddingInput,
  engineFilesInput,
  exportModelInput,
  exposedSamplesInput,
  forgetSamplesInput,
  importDatasetInput,
  installEngineInput,
  listRunsInput,
  matchListInput,
  neighboursInput,
  pageInput,
  planInput,
  previewDatasetInput,
  qualityInput,
  reference,
  restoreDatasetInput,
  resultInput,
  sampleNamesInput,
  sheetInput,
  splitRuleInput,
  tagInput,
  thumbnailsInput,
  tuneStudyInput,
  uninstallEngineInput,
} from './inputs.ts'

const comparedMetric = z.enum(comparedMetrics.map(({ name }) => name)).optional()
/** Every procedure may fail with an AppError, carried as data; see `errors.ts` beside this file. */
const procedure = oc.errors({ APP_ERROR: { status: 422, data: type<AppErrorShape>() } })

export const contract = {
  system: {
    info: procedure.output(type<SystemInfo>()),
    methods: procedure.output(type<readonly MethodInfo[]>()),
    attacks: procedure.output(type<readonly AttackInfo[]>()),
    architectures: procedure.output(type<readonly ArchitectureInfo[]>()),
  },
  engines: {
    list: procedure.output(type<readonly EngineStatus[]>()),
    /** Runs each available engine's self-test. */
    doctor: procedure.output(type<readonly EngineStatus[]>()),
    /** Times training steps, the engines in turns: half a minute or more. */
    bench: procedure.input(benchEnginesInput).output(type<readonly EngineTimes[]>()),
    /** What to download elsewhere to install one without a network. */
    files: procedure.input(engineFilesInput).output(type<readonly EngineFile[]>()),
    /** Ending the stream cancels the installation; what was installed before stays. */
    install: procedure.input(installEngineInput).output(eventIterator(type<EngineInstallEvent>())),
    /** Studies that run on it go on; returns whether it was installed. */
    uninstall: procedure.input(uninstallEngineInput).output(type<{ readonly removed: boolean }>()),
  },
  workspace: {
    check: procedure.output(type<WorkspaceCheck>()),
  },
  datasets: {
    list: procedure.output(type<readonly Dataset[]>()),
    get: procedure.input(z.strictObject({ dataset: reference })).output(type<Dataset>()),
    /** Looks at a source: format, counts, classes, thumbnails, problems. Nothing is stored. */
    preview: procedure.input(previewDatasetInput).output(eventIterator(type<PreviewEvent>())),
    /** Ending the stream cancels the import and leaves nothing behind. */
    import: procedure.input(importDatasetInput).output(eventIterator(type<ImportEvent>())),
    /** What group rules would find in a stored data set. */
    previewGroups: procedure.input(datasetGroupsInput).output(type<readonly GroupReport[]>()),
    addGroups: procedure.input(datasetGroupsInput).output(type<Dataset>()),
    /** Looks for copies, wrong labels and the like; ending the stream cancels it. What is known is given at once. */
    check: procedure
      .input(z.strictObject({ dataset: reference, again: z.boolean().default(false) }))
      .output(eventIterator(type<CheckEvent>())),
    /** What the last check found, and where related images lie on two sides; null before the first. */
    quality: procedure.input(qualityInput).output(type<QualityReport | null>()),
    /** Croissant JSON-LD. */
    card: procedure.input(z.strictObject({ dataset: reference })).output(type<Readonly<Record<string, unknown>>>()),
    /**
     * Into the bin, with its splits, forget sets and tags; refused while a study uses it. `forGood` frees its space at
     * once, also of one that is in the bin.
     */
    remove: procedure
      .input(z.strictObject({ dataset: reference, forGood: z.boolean().default(false) }))
      .output(type<RemovedDataset>()),
    /** Removed data sets that can be had back, the latest first. */
    bin: procedure.output(type<readonly BinnedDataset[]>()),
    restore: procedure.input(restoreDatasetInput).output(type<RestoredDataset>()),
    emptyBin: procedure.output(type<{ readonly names: readonly string[]; readonly freedBytes: number }>()),
    /** Pixels of samples: uint8 [n, h, w, c], base64. */
    thumbnails: procedure
      .input(thumbnailsInput)
      .output(type<{ readonly shape: readonly [number, number, number]; readonly pixels: string }>()),
  },
  splits: {
    list: procedure.input(z.strictObject({ dataset: reference })).output(type<readonly Split[]>()),
    create: procedure.input(splitRuleInput).output(type<Split>()),
  },
  forgetSets: {
    list: procedure.output(type<readonly ForgetSet[]>()),
    get: procedure.input(z.strictObject({ forgetSet: reference })).output(type<ForgetSet>()),
    ids: procedure.input(z.strictObject({ forgetSet: reference })).output(type<readonly number[]>()),
    create: procedure.input(createForgetSetInput).output(type<ForgetSet>()),
    /** Only one that no study and no later version needs. */
    remove: procedure.input(z.strictObject({ forgetSet: reference })).output(type<{ readonly removed: boolean }>()),
    /** The clusters that a rule can choose from; a few seconds' work for the first time. */
    clusters: procedure.input(clustersInput).output(
      type<{
        /** int32 of each sample, base64: its cluster, 0 the largest; -1 for one that isn't of the class. */
        readonly codes: string
        readonly counts: readonly number[]
        /** Of each cluster, the samples nearest to its centre. */
        readonly nearest: readonly (readonly number[])[]
      }>(),
    ),
    /** Finds the samples that a list names; nothing is stored. */
    matchList: procedure.input(matchListInput).output(
      type<{
        /** Id ranges. */
        readonly ids: string
        readonly count: number
        readonly unmatched: readonly string[]
        readonly repeated: number
      }>(),
    ),
  },
  samples: {
    columns: procedure.input(z.strictObject({ dataset: reference })).output(type<PackedSamples>()),
    names: procedure.input(sampleNamesInput).output(type<{ readonly names: readonly string[] }>()),
    /** Small pictures in the order asked for, at most 64 pixels wide and high: uint8 [n, h, w, c], base64. */
    sheet: procedure
      .input(sheetInput)
      .output(type<{ readonly shape: readonly [number, number, number]; readonly pixels: string }>()),
    /** Which side of the split each sample is on: uint8 [n], an index into `sampleParts`, base64. */
    parts: procedure
      .input(z.strictObject({ dataset: reference, split: reference }))
      .output(type<{ readonly parts: string }>()),
    figures: procedure.input(z.strictObject({ run: reference })).output(type<RunFigures>()),
    details: procedure
      .input(z.strictObject({ dataset: reference, index: z.int().min(0) }))
      .output(type<SampleDetails>()),
  },
  tags: {
    list: procedure.input(z.strictObject({ dataset: reference })).output(type<readonly Tag[]>()),
    /** Puts the tag on samples; it is made where it isn't there yet. */
    add: procedure.input(tagInput).output(type<Tag>()),
    /** Takes it off samples; a tag on nothing is gone (null). */
    remove: procedure.input(tagInput).output(type<{ readonly tag: Tag | null }>()),
  },
  embedding: {
    /** Places samples on a plane; ending the stream stops the work. What was computed once comes at once. */
    compute: procedure.input(embeddingInput).output(eventIterator(type<EmbeddingEvent>())),
    /** The samples most like one, nearest first, itself left out. */
    neighbours: procedure.input(neighboursInput).output(type<readonly Neighbour[]>()),
  },
  studies: {
    list: procedure.output(type<readonly Study[]>()),
    get: procedure.input(z.strictObject({ study: reference })).output(type<Study>()),
    create: procedure.input(createStudyInput).output(type<Study>()),
    /** A study for each of several sizes of F, which share whatever doesn't depend on it. The smallest first. */
    createSeries: procedure.input(createSeriesInput).output(type<readonly Study[]>()),
    /** Figures and predictors of a series' studies, as far as they are there; `metric` as in `statistics`. */
    series: procedure.input(z.strictObject({ series: reference, metric: comparedMetric })).output(type<StudySeries>()),
    plan: procedure.input(planInput).output(type<StudyPlan>()),
    /** The plan's stages, page by page: of thousands, no one message holds them all. */
    planStages: procedure
      .input(pageInput)
      .output(type<{ readonly total: number; readonly stages: readonly PlannedStage[] }>()),
    /**
     * Starts (or resumes) the study's job and returns at once; follow it with `watch`. Without a priority it is normal,
     * or stays what it is.
     */
    run: procedure
      .input(z.strictObject({ study: reference, priority: z.enum(priorities).optional() }))
      .output(type<{ readonly study: string; readonly state: JobState }>()),
    cancel: procedure
      .input(z.strictObject({ study: reference }))
      .output(type<{ readonly study: string; readonly state: JobState }>()),
    /** A snapshot first, then changes; ends after `finished`. Leaving it doesn't stop the job. */
    watch: procedure.input(z.strictObject({ study: reference })).output(eventIterator(type<StudyEvent>())),
    result: procedure.input(resultInput).output(type<StudyResult>()),
    /** Runs without their values by model, oldest first, and the verdicts on those of the page. */
    resultPage: procedure.input(pageInput).output(type<ResultPage>()),
    /**
     * Makes the study that tries settings of each method on the twin problem, without any gold: the same number for
     * each. `run` runs it like any other.
     */
    tune: procedure.input(tuneStudyInput).output(type<Study>()),
    /** The study again with what the tuning found best; nothing is trained yet. */
    adoptTuning: procedure.input(adoptTuningInput).output(type<Study>()),
    /** Adds attacks to a study, finished or not; `run` then computes what they need and nothing else again. */
    attack: procedure.input(attackStudyInput).output(type<Study>()),
    /** The plan that `attack` with the same input would lead to; nothing is changed. */
    planAttack: procedure.input(attackStudyInput).output(type<StudyPlan>()),
    attackResults: procedure.input(z.strictObject({ study: reference })).output(type<AttackResults>()),
    /** The forgotten images that an attack would point at first. */
    exposedSamples: procedure.input(exposedSamplesInput).output(type<readonly ExposedSample[]>()),
    /**
     * Do F and its twin pool look alike? Asked of every pool that the study's methods take, shifted ones too; of the plain
     * one where none takes any. A few seconds' work; nothing is trained.
     */
    distributionTest: procedure.input(z.strictObject({ study: reference })).output(type<readonly TwinPoolTest[]>()),
    /**
     * Methods against a reference over seeds and images; `reference` is a method of the study, `metric` a figure to be
     * compared beside the usual ones.
     */
    statistics: procedure
      .input(z.strictObject({ study: reference, reference: z.string().min(1).optional(), metric: comparedMetric }))
      .output(type<StudyStatistics>()),
    /** The twin problem behind a TMU run (default: the first `tmu` run). */
    twin: procedure
      .input(z.strictObject({ study: reference, method: z.string().optional(), seed: z.int().optional() }))
      .output(type<TwinView>()),
  },
  runs: {
    list: procedure.input(listRunsInput).output(type<readonly Run[]>()),
    get: procedure.input(z.strictObject({ run: reference })).output(type<Run>()),
    cancel: procedure.input(z.strictObject({ run: reference })).output(type<Run>()),
    resume: procedure.input(z.strictObject({ run: reference })).output(type<Run>()),
    /** Images of F under this run, against the golds. */
    forgetSamples: procedure
      .input(forgetSamplesInput)
      .output(type<{ readonly total: number; readonly samples: readonly ForgetSample[] }>()),
  },
  /** The studies at work: they take turns, the more urgent ones first. */
  queue: {
    get: procedure.output(type<Queue>()),
    /** Stops a study's stages (without one: all) at their last checkpoints, and starts no others until `resume`. */
    pause: procedure.input(z.strictObject({ study: reference.optional() })).output(type<Queue>()),
    resume: procedure.input(z.strictObject({ study: reference.optional() })).output(type<Queue>()),
    prioritise: procedure
      .input(z.strictObject({ study: reference, priority: z.enum(priorities) }))
      .output(type<Queue>()),
  },
  models: {
    /** Writes the weights that a run made. */
    export: procedure.input(exportModelInput).output(type<ModelExport>()),
  },
  outcomes: {
    evaluate: procedure
      .input(z.strictObject({ path: z.string().min(1), draws: z.int().min(100).max(10_000).default(1000) }))
      .output(type<Evaluation>()),
  },
  demo: {
    /** Makes (or finds) the demo's data set, forget set and study; `studies.run` then runs it. */
    prepare: procedure.input(z.strictObject({ fast: z.boolean().default(false) })).output(type<Study>()),
    /** How long it takes here. `measured`: by what this workspace has learned; else as on two cores of a laptop. */
    estimate: procedure
      .input(z.strictObject({ fast: z.boolean().default(false) }))
      .output(type<{ readonly seconds: number; readonly measured: boolean }>()),
  },
}

export type Contract = typeof contract
