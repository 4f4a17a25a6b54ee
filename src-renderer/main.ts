import 'virtual:tokens.css'
import './styles/base.css'
import './styles/parts.css'
import 'vue-sonner/style.css'
import './styles/toasts.css'
import { createPinia } from 'pinia'
import { createApp, watchEffect } from 'vue'
import App from './app/App.vue'
import { createMessages } from './app/i18n.ts'
import { router } from './app/router.ts'
import { usePreferencesStore } from './stores/preferences.ts'

const app = createApp(App)
app.use(createPinia())
const preferences = usePreferencesStore()
const messages = createMessages(preferences.stored.locale)
app.use(messages).use(router)
watchEffect(() => {
  messages.global.locale.value = preferences.stored.locale
})

// A part that is gone was replaced by a newer build: the page starts over, once a minute at most.
window.addEventListener('vite:preloadError', () => {
  const key = 'tmu.reloaded'
  if (Date.now() - Number(sessionStorage.getItem(key) ?? 0) < 60_000) return
  sessionStorage.setItem(key, String(Date.now()))
  location.reload()
})
app.mount('#app')
