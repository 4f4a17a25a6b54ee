import { rm } from 'node:fs/promises'
import type { PreviewEvent } from '#shared/progress.ts'
import type { InspectJob } from './dataset-job.ts'
import { type ImportDatasetInput, locateSource } from './import-dataset.ts'
import type { DatasetDependencies } from './ports.ts'
import { streamJob } from './stream-job.ts'

export type PreviewInput = Pick<ImportDatasetInput, 'path' | 'format' | 'columns' | 'groups'>

/**
 * Looks at a source in a child process. Nothing is stored; what was unpacked meanwhile is removed.
 * @throws AppError as an import would; `cancelled`.
 */
export async function* previewSource(
  dependencies: DatasetDependencies,
  input: PreviewInput,
  signal?: AbortSignal,
): AsyncGenerator<PreviewEvent> {
  const { path, format } = locateSource(dependencies, input)
  const staging = await dependencies.objects.createStagingFolder('preview')
  try {
    const { columns, groups = [] } = input
    const job: InspectJob = {
      kind: 'inspect',
      staging,
      path,
      format,
      ...(columns === undefined ? {} : { columns }),
      groups,
    }
    const preview = yield* streamJob(dependencies, job, signal)
    yield { kind: 'finished', preview: { ...preview, path: input.path } }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}
