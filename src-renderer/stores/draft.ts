import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { emptyDraft, type StudyDraft } from '../lib/study-draft.ts'

/** The study that is being filled in: going elsewhere and back loses nothing. */
export const useDraftStore = defineStore('draft', () => {
  const draft = reactive<StudyDraft>(emptyDraft())
  /** Methods were chosen once; until then all of them are. */
  const touched = reactive({ methods: false })
  function reset(): void {
    Object.assign(draft, emptyDraft())
    touched.methods = false
  }
  return { draft, touched, reset }
})
