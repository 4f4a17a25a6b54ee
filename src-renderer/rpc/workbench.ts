import { readonly, ref } from 'vue'
import { createClient } from './client.ts'
import { desktop } from './desktop.ts'
import type { ConnectionState } from './link.ts'

const state = ref<ConnectionState>('connecting')
const epoch = ref(0)

/** How the wire to the workbench is. */
export const connectionState = readonly(state)
/** Counts the wires so far: views load anew when it moves, since events may have been missed. */
export const connectionEpoch = readonly(epoch)

/** The one client of the window. */
export const client = createClient(desktop, (next) => {
  state.value = next
  if (next === 'open') epoch.value++
})
