import { join } from 'node:path'
import { RPCHandler } from '@orpc/server/message-port'
import { app, BrowserWindow, dialog, ipcMain, MessageChannelMain } from 'electron'
import { AppError } from '#shared/errors.ts'
import { connect } from '../connect.ts'
import { createRouter } from '../router.ts'
import { allowWebgpu, hiddenPages } from './hidden-pages.ts'
import { installMenu } from './menu.ts'
import { pageAddress, registerScheme, servePages } from './pages.ts'
import { utilityLauncher } from './utility-launcher.ts'
import { createWindow, lockDown } from './window.ts'

registerScheme()
allowWebgpu()
app.enableSandbox()

if (app.requestSingleInstanceLock()) void start()
else app.quit()

async function start(): Promise<void> {
  await app.whenReady()
  lockDown()
  installMenu()
  servePages(join(import.meta.dirname, '..', 'renderer'))

  const connection = await connect({
    workspace: app.commandLine.getSwitchValue('workspace'),
    mode: 'write',
    shell: 'electron',
    launcher: utilityLauncher,
    pages: hiddenPages,
    note: (line) => process.stderr.write(`${line}\n`),
  }).catch((error: unknown) => {
    const { message, hint } = AppError.from(error)
    dialog.showErrorBox(
      'TMU Workbench can’t open its workspace',
      hint === undefined ? message : `${message}\n\n${hint}`,
    )
    app.exit(1)
    return null
  })
  if (connection === null) return

  const handler = new RPCHandler(createRouter(connection.api, connection.report))
  ipcMain.on('tmu:connect', (event) => {
    if (event.senderFrame === null || !event.senderFrame.url.startsWith(pageAddress)) return
    const { port1, port2 } = new MessageChannelMain()
    handler.upgrade(port1, { context: {} })
    port1.start()
    event.senderFrame.postMessage('tmu:port', null, [port2])
  })
  ipcMain.handle('tmu:choose-folder', async (event) => {
    const window = BrowserWindow.fromWebContents(event.sender)
    if (window === null) return null
    const { filePaths } = await dialog.showOpenDialog(window, { properties: ['openDirectory'] })
    return filePaths[0] ?? null
  })

  createWindow()
  app.on('second-instance', () => BrowserWindow.getAllWindows()[0]?.focus())
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) createWindow()
  })
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  // Drain first: jobs stop at their last checkpoint, then the process goes.
  let drained = false
  app.on('before-quit', (event) => {
    if (drained) return
    event.preventDefault()
    void connection.close().finally(() => {
      drained = true
      app.quit()
    })
  })
}
