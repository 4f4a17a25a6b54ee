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
app.mount('#app')
