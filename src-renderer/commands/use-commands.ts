import { createKeybindingsHandler } from 'tinykeys'
import { onScopeDispose } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { useAction } from '../composables/use-action.ts'
import { useDemo } from '../composables/use-demo.ts'
import { findExportTarget } from '../composables/use-export-target.ts'
import { redoLast, undoLast } from '../composables/use-undo-target.ts'
import { useFrameStore } from '../stores/frame.ts'
import { useJobsStore } from '../stores/jobs.ts'
import { usePreferencesStore } from '../stores/preferences.ts'
import { type Command, type CommandContext, commands, isEnabled, keysOf } from './registry.ts'
import { provideCommandContext, useCommandState } from './use-command-state.ts'
import { inBrowserTab } from './use-key-names.ts'

/** Binds the registry to this window: its keys, and what its commands do. Called once, by the frame. */
export function useCommands(): void {
  const router = useRouter()
  const route = useRoute()
  const frame = useFrameStore()
  const jobs = useJobsStore()
  const preferences = usePreferencesStore()
  const state = useCommandState()
  const demo = useDemo()
  const runAction = useAction((id: string) => jobs.run(id))
  const cancelAction = useAction((id: string) => jobs.cancel(id))

  const currentStudy = (): string | null => {
    const reference = route.params['study']
    return typeof reference === 'string' ? (jobs.byReference(reference)?.id ?? null) : null
  }

  const context: CommandContext = {
    goTo: (screen) => void router.push({ name: screen }),
    openDialog: (dialog) => {
      frame.dialog = dialog
    },
    newStudy: () => void router.push({ name: 'new-study' }),
    importFolder: () => void router.push({ name: 'data', query: { import: 'folder' } }),
    openDemo: (fast) => void demo.run(fast),
    focusFilter: () => document.querySelector<HTMLElement>('main [data-filter]')?.focus(),
    focusNextPane,
    toggleRail: () => {
      preferences.stored.railCollapsed = !preferences.stored.railCollapsed
    },
    setTheme: (theme) => {
      preferences.stored.theme = theme
    },
    setLocale: (locale) => {
      preferences.stored.locale = locale
    },
    exportData: () => findExportTarget('data')?.data?.(),
    exportPicture: () => findExportTarget('picture')?.picture?.(),
    back: () => {
      // An open dialog, menu or popover closes itself; a text field first gives the focus back.
      const { activeElement } = document
      if (
        activeElement instanceof HTMLInputElement &&
        activeElement.type !== 'checkbox' &&
        activeElement.type !== 'radio'
      )
        activeElement.blur()
      else if (frame.inspectorOpen) frame.closeInspector()
      else if (route.name === 'dataset' || route.name === 'dataset-images' || route.name === 'forget-builder')
        void router.push({ name: 'data' })
      else if (route.name === 'new-study') void router.push({ name: 'studies' })
      else if (route.params['study'] !== undefined) void router.push({ name: 'studies' })
    },
    runStudy: () => {
      const id = currentStudy()
      if (id !== null) void runAction.run(id)
    },
    cancelStudy: () => {
      const id = currentStudy()
      if (id !== null) void cancelAction.run(id)
    },
    undo: undoLast,
    redo: redoLast,
    checkWorkspace: () => void router.push({ name: 'settings', query: { run: 'check' } }),
    runDoctor: () => void router.push({ name: 'settings', query: { run: 'doctor' } }),
  }
  provideCommandContext(context)

  const handle = createKeybindingsHandler(
    Object.fromEntries(
      commands.flatMap((command) =>
        keysOf(command, inBrowserTab).map((keys) => [shifted(keys), (event: KeyboardEvent) => onKeys(command, event)]),
      ),
    ),
    { ignore: () => false },
  )
  window.addEventListener('keydown', handle)
  onScopeDispose(() => window.removeEventListener('keydown', handle))

  function onKeys(command: Command, event: KeyboardEvent): void {
    if (event.defaultPrevented || (isTextField(event.target) && command.inTextFields !== true)) return
    if (command.id === 'back' && overlayOpen()) return
    // A combination of ours must not fall through to the browser (print, open file), enabled or not.
    event.preventDefault()
    if (frame.dialog !== null && command.id !== 'palette' && command.id !== 'quick-open') return
    if (isEnabled(command, state.value)) command.run(context)
  }
}

/** `?` needs Shift on most keyboards and none on some. */
function shifted(keys: string): string {
  return keys === '?' ? '[Shift]+?' : keys
}

function isTextField(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true
  return target instanceof HTMLInputElement && target.type !== 'checkbox' && target.type !== 'radio'
}

function overlayOpen(): boolean {
  return (
    document.querySelector(
      '[role="dialog"][data-state="open"], [role="menu"][data-state="open"], [data-reka-popper-content-wrapper] [data-state="open"]',
    ) !== null
  )
}

/** From the pane that has the focus to the next that can be seen, round and round. */
function focusNextPane(): void {
  const panes = [...document.querySelectorAll<HTMLElement>('[data-pane]')].filter(
    (pane) => pane.offsetParent !== null || pane.getClientRects().length > 0,
  )
  const at = panes.findIndex((pane) => pane.contains(document.activeElement))
  panes[(at + 1) % panes.length]?.focus()
}
