import { type ComputedRef, computed } from 'vue'
import { useRoute } from 'vue-router'
import { hasExportTarget } from '../composables/use-export-target.ts'
import { undoState } from '../composables/use-undo-target.ts'
import { isActive } from '../lib/live-study.ts'
import { useJobsStore } from '../stores/jobs.ts'
import { useSystemStore } from '../stores/system.ts'
import type { Command, CommandContext, CommandState } from './registry.ts'

let given: CommandContext | null = null

/** The frame names what commands act on, once. */
export function provideCommandContext(context: CommandContext): void {
  given = context
}

export function useGiveCommand(): (command: Command) => void {
  return (command) => {
    if (given !== null) command.run(given)
  }
}

export function useCommandState(): ComputedRef<CommandState> {
  const route = useRoute()
  const jobs = useJobsStore()
  const system = useSystemStore()
  return computed(() => {
    const reference = route.params['study']
    const study = typeof reference === 'string' ? jobs.byReference(reference) : null
    const live = study === null ? undefined : jobs.followed.get(study.id)
    const state = live?.ready === true ? live.live.state : study?.state
    return {
      readOnly: system.readOnly,
      demoAvailable: system.info?.demoAvailable ?? false,
      study:
        state === undefined ? null : { canRun: !isActive(state) && state !== 'succeeded', canCancel: isActive(state) },
      canExportData: hasExportTarget('data'),
      canExportPicture: hasExportTarget('picture'),
      ...undoState.value,
    }
  })
}
