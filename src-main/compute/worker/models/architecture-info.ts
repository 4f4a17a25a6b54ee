import type { ArchitectureInfo } from '#shared/domain/system.ts'
import { architectures } from './architectures.ts'
import { forwardOperations, parameterCount } from './shapes.ts'

/** Every architecture as forms and help show it. */
export const architectureInfos: readonly ArchitectureInfo[] = architectures.map(
  ({ id, title, summary, usualImage }) => {
    const [height, width, channels] = usualImage
    const data = { height, width, channels, classCount: 10 }
    const example = {
      image: usualImage,
      parameters: parameterCount(id, data),
      operations: forwardOperations(id, data),
    }
    return { id, title, summary, example }
  },
)
