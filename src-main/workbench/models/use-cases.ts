import { join, resolve } from 'node:path'
import type { ObjectStore } from '#main/artifacts/object-store.ts'
import { parseSafetensors } from '#main/formats/safetensors.ts'
import type { Repositories } from '#main/store/index.ts'
import type { WorkbenchApi } from '#shared/contract/api.ts'
import { AppError } from '#shared/errors.ts'
import type { Jobs } from '../jobs/jobs.ts'
import { requireRun, requireStudy } from '../studies/find.ts'
import type { Engines } from '../system/engines.ts'
import { writeModel } from './export-model.ts'

export interface ModelParts {
  readonly repositories: Repositories
  readonly objects: ObjectStore
  readonly jobs: Jobs
  readonly engines: Engines
  /** Where exports go that name no place. */
  readonly exportsFolder: string
}

/** The contract's model procedures. */
export function createModelUseCases(parts: ModelParts): Pick<WorkbenchApi, 'models'> {
  const { repositories, objects, jobs, engines, exportsFolder } = parts
  return {
    models: {
      async export({ run: id, path, format, overwrite }) {
        const run = requireRun(repositories, id)
        const study = requireStudy(repositories, run.studyId)
        const loaded = await jobs.loader.load(study, study.engine ?? (await engines.best()))
        const planned = loaded.runs.find((candidate) => candidate.id === run.id)
        const stage = planned === undefined ? null : repositories.stages.getStage(planned.model.stage)
        const object = planned === undefined ? undefined : stage?.outputs[planned.model.output]
        if (object === undefined) {
          throw new AppError('not-found', `The run ${run.id} (${run.method}) has no model yet.`, {
            hint: `It is ${run.state}; run or resume it first.`,
          })
        }
        const { architecture, original } = study.config
        const { dataset, split } = loaded
        const place = path ?? join(exportsFolder, fileName(study.name, run.method, run.seed, format))
        const files = await writeModel(
          {
            tensors: parseSafetensors(await objects.read(object), `object ${object}`).tensors,
            about: {
              architecture,
              image: dataset.shape,
              classes: dataset.classes.map(({ name }) => name),
              normalisation: original?.normalisation ?? split.normalisation,
            },
            origin: {
              'tmu.study': study.name,
              'tmu.run': run.id,
              'tmu.method': run.method,
              'tmu.seed': String(run.seed),
              'tmu.engine': loaded.engine,
            },
          },
          resolve(place),
          format,
          // A place of our own making is named by what it holds.
          overwrite || path === undefined,
        )
        return { run: run.id, format, architecture, files }
      },
    },
  }
}

function fileName(study: string, method: string, seed: number, format: string): string {
  const stem = `${study}-${method}-seed-${seed}`.replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
  return format === 'tfjs' ? `${stem}-tfjs` : `${stem}.safetensors`
}
