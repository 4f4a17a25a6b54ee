/**
 * A worker whose TensorFlow sees no GPU, and says why as the real one does. With `TMU_TEST_SILENT` it never answers; where
 * it is asked for the engine that `TMU_TEST_CRASH` names, it crashes; those that `TMU_TEST_WORKING` names work.
 */
import type { FromWorker, ToWorker } from '#main/compute/protocol.ts'

const send = (message: FromWorker): void => void process.send?.(message)

process.on('message', (message: ToWorker) => {
  if (message.type !== 'probe-engines' || process.env['TMU_TEST_SILENT'] !== undefined) return
  if (message.engines.some((id) => id === process.env['TMU_TEST_CRASH'])) process.kill(process.pid, 'SIGSEGV')
  const where = `2026-11-23 22:00:00.123456: `
  if (process.env['TF_CPP_MIN_LOG_LEVEL'] === '0') {
    process.stderr.write(
      `${where}I tensorflow/core/platform/cpu_feature_guard.cc:210] This TensorFlow binary is optimized.\n` +
        `${where}E external/local_xla/xla/stream_executor/cuda/cuda_driver.cc:152] failed call to cuInit: no CUDA-capable device\n` +
        `${where}W tensorflow/core/common_runtime/gpu/gpu_device.cc:2348] Cannot dlopen some GPU libraries.\n` +
        `${where}W tensorflow/core/common_runtime/gpu/gpu_device.cc:2348] Cannot dlopen some GPU libraries.\n` +
        'Skipping registering GPU devices...\n',
    )
  }
  const working = process.env['TMU_TEST_WORKING'] ?? ''
  const engines = message.engines.map((id) =>
    working.includes(id) ? { id, available: true } : { id, available: false, reason: 'TensorFlow can’t use the GPU.' },
  )
  send({ type: 'engines', id: message.id, engines })
})
send({ type: 'ready', pid: process.pid })
