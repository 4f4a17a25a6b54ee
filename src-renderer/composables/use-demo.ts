import { useRouter } from 'vue-router'
import { client } from '../rpc/workbench.ts'
import { useJobsStore } from '../stores/jobs.ts'
import { useAction } from './use-action.ts'

/** Makes (or finds) the example study and opens it; what is done already isn't done again. */
export function useDemo() {
  const router = useRouter()
  const jobs = useJobsStore()
  return useAction(async (fast: boolean) => {
    const study = await client.demo.prepare({ fast })
    if (study.state !== 'succeeded') await jobs.run(study.id)
    else await jobs.refresh()
    await router.push({ name: 'study', params: { study: study.id } })
  })
}
