import type { MessageKey } from '../messages/locales.ts'

export const screens = ['start', 'data', 'studies', 'settings'] as const
export type ScreenName = (typeof screens)[number]

/** What commands act on; the frame provides it. Keeps this file free of the DOM, so that tests read it too. */
export interface CommandContext {
  goTo(screen: ScreenName): void
  openDialog(dialog: 'palette' | 'quick-open' | 'keys'): void
  newStudy(): void
  importFolder(): void
  openDemo(fast: boolean): void
  /** The screen's list filter, if it has one. */
  focusFilter(): void
  /** The next of the window's panes. */
  focusNextPane(): void
  toggleRail(): void
  setTheme(theme: 'system' | 'light' | 'dark'): void
  setLocale(locale: 'en' | 'zh'): void
  exportData(): void
  exportPicture(): void
  /** One level back: selection, then the level above; input is kept. */
  back(): void
  runStudy(): void
  cancelStudy(): void
  undo(): void
  redo(): void
  checkWorkspace(): void
  runDoctor(): void
}

/** What decides whether a command can be given now. */
export interface CommandState {
  readonly readOnly: boolean
  readonly demoAvailable: boolean
  readonly study: { readonly canRun: boolean; readonly canCancel: boolean } | null
  readonly canExportData: boolean
  readonly canExportPicture: boolean
  readonly canUndo: boolean
  readonly canRedo: boolean
}

export const commandGroups = ['go', 'make', 'study', 'export', 'view', 'help'] as const
export type CommandGroup = (typeof commandGroups)[number]

export interface Command {
  readonly id: string
  readonly group: CommandGroup
  readonly title: MessageKey
  /** tinykeys bindings; the first is shown. `$mod` is Ctrl, on a Mac Command. */
  readonly keys?: readonly string[]
  /** Instead of `keys` in a browser tab, which keeps some combinations for itself. */
  readonly tabKeys?: readonly string[]
  /** Works while a text field has the focus. Bare keys never do. */
  readonly inTextFields?: boolean
  readonly enabled?: (state: CommandState) => boolean
  readonly run: (context: CommandContext) => void
}

const writable = (state: CommandState): boolean => !state.readOnly

/** Every action of the window, once: menu, palette, key sheet and tests read this list. */
export const commands: readonly Command[] = [
  ...screens.map(
    (screen, index): Command => ({
      id: `go-${screen}`,
      group: 'go',
      title: `screen.${screen}`,
      keys: [`$mod+${index + 1}`],
      tabKeys: [`$mod+${index + 1}`, `Alt+Shift+Digit${index + 1}`],
      inTextFields: true,
      run: (context) => context.goTo(screen),
    }),
  ),
  {
    id: 'palette',
    group: 'go',
    title: 'command.palette',
    keys: ['$mod+k'],
    inTextFields: true,
    run: (context) => context.openDialog('palette'),
  },
  {
    id: 'quick-open',
    group: 'go',
    title: 'command.quickOpen',
    keys: ['$mod+p'],
    inTextFields: true,
    run: (context) => context.openDialog('quick-open'),
  },
  { id: 'filter', group: 'go', title: 'command.filter', keys: ['/'], run: (context) => context.focusFilter() },
  {
    id: 'next-pane',
    group: 'go',
    title: 'command.nextPane',
    keys: ['F6'],
    inTextFields: true,
    run: (context) => context.focusNextPane(),
  },
  {
    id: 'back',
    group: 'go',
    title: 'command.back',
    keys: ['Escape'],
    inTextFields: true,
    run: (context) => context.back(),
  },
  {
    id: 'new-study',
    group: 'make',
    title: 'command.newStudy',
    keys: ['$mod+n'],
    tabKeys: ['Alt+Shift+KeyN'],
    inTextFields: true,
    enabled: writable,
    run: (context) => context.newStudy(),
  },
  {
    id: 'import-folder',
    group: 'make',
    title: 'command.importFolder',
    keys: ['$mod+o'],
    inTextFields: true,
    enabled: writable,
    run: (context) => context.importFolder(),
  },
  {
    id: 'demo',
    group: 'make',
    title: 'command.demo',
    enabled: (state) => writable(state) && state.demoAvailable,
    run: (context) => context.openDemo(false),
  },
  {
    id: 'demo-fast',
    group: 'make',
    title: 'command.demoFast',
    enabled: (state) => writable(state) && state.demoAvailable,
    run: (context) => context.openDemo(true),
  },
  {
    id: 'run-study',
    group: 'study',
    title: 'command.runStudy',
    enabled: (state) => writable(state) && state.study?.canRun === true,
    run: (context) => context.runStudy(),
  },
  {
    id: 'cancel-study',
    group: 'study',
    title: 'command.cancelStudy',
    enabled: (state) => state.study?.canCancel === true,
    run: (context) => context.cancelStudy(),
  },
  {
    id: 'export-data',
    group: 'export',
    title: 'command.exportData',
    keys: ['$mod+e'],
    enabled: (state) => state.canExportData,
    run: (context) => context.exportData(),
  },
  {
    id: 'export-picture',
    group: 'export',
    title: 'command.exportPicture',
    keys: ['$mod+Shift+e'],
    enabled: (state) => state.canExportPicture,
    run: (context) => context.exportPicture(),
  },
  {
    id: 'undo',
    group: 'view',
    title: 'command.undo',
    keys: ['$mod+z'],
    enabled: (state) => state.canUndo,
    run: (context) => context.undo(),
  },
  {
    id: 'redo',
    group: 'view',
    title: 'command.redo',
    keys: ['$mod+Shift+z'],
    enabled: (state) => state.canRedo,
    run: (context) => context.redo(),
  },
  { id: 'toggle-rail', group: 'view', title: 'command.toggleRail', run: (context) => context.toggleRail() },
  { id: 'theme-system', group: 'view', title: 'command.themeSystem', run: (context) => context.setTheme('system') },
  { id: 'theme-light', group: 'view', title: 'command.themeLight', run: (context) => context.setTheme('light') },
  { id: 'theme-dark', group: 'view', title: 'command.themeDark', run: (context) => context.setTheme('dark') },
  { id: 'language-en', group: 'view', title: 'command.languageEn', run: (context) => context.setLocale('en') },
  { id: 'language-zh', group: 'view', title: 'command.languageZh', run: (context) => context.setLocale('zh') },
  { id: 'doctor', group: 'help', title: 'command.doctor', run: (context) => context.runDoctor() },
  {
    id: 'check-workspace',
    group: 'help',
    title: 'command.checkWorkspace',
    run: (context) => context.checkWorkspace(),
  },
  { id: 'keys', group: 'help', title: 'command.keys', keys: ['?'], run: (context) => context.openDialog('keys') },
]

/** The bindings that hold in this shell. */
export function keysOf(command: Command, inBrowserTab: boolean): readonly string[] {
  return (inBrowserTab ? (command.tabKeys ?? command.keys) : command.keys) ?? []
}

export function isEnabled(command: Command, state: CommandState): boolean {
  return command.enabled?.(state) ?? true
}

/** `$mod+Shift+e` as people read it: "Ctrl+Shift+E", on a Mac "⌘⇧E". */
export function describeKeys(binding: string, mac: boolean): string {
  const names: Readonly<Record<string, string>> = mac
    ? { $mod: '⌘', Shift: '⇧', Alt: '⌥', Escape: 'Esc' }
    : { $mod: 'Ctrl', Escape: 'Esc' }
  return binding
    .split('+')
    .map(
      (part) =>
        names[part] ??
        part
          .replace(/^(Key|Digit)/, '')
          .toUpperCase()
          .replace(/^(SHIFT|ALT)$/, title),
    )
    .join(mac ? '' : '+')
}

function title(word: string): string {
  return word.charAt(0) + word.slice(1).toLowerCase()
}
