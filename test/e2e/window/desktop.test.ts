import { describe, expect, it } from 'vitest'
import { launchBrowser, newContext, openPage } from '#test/support/browser.ts'
import { startFixtureServer } from '#test/support/fixture-server.ts'

/**
 * What the desktop window's preload gives the page, with a port that leads to the server: the page then speaks the
 * contract over a MessagePort, as it does under Electron.
 */
const preload = `
  window.tmuDesktop = {
    connect() {
      const { port1, port2 } = new MessageChannel()
      const socket = new WebSocket('ws://' + location.host + '/rpc')
      const waiting = []
      port1.onmessage = ({ data }) => (socket.readyState === 1 ? socket.send(data) : waiting.push(data))
      socket.onopen = () => waiting.splice(0).forEach((data) => socket.send(data))
      socket.binaryType = 'arraybuffer'
      socket.onmessage = ({ data }) => port1.postMessage(typeof data === 'string' ? data : new Uint8Array(data))
      window.postMessage('tmu:port', location.origin, [port2])
    },
    pathOf: (file) => '/dropped/' + file.name,
    chooseFolder: async () => '/home/ada/pictures/chosen',
  }
`

describe('the page in the desktop window', () => {
  it('speaks over the port, chooses folders and has the desktop\u2019s keys', async () => {
    const server = await startFixtureServer('full')
    const browser = await launchBrowser()
    try {
      const context = await newContext(browser)
      await context.addInitScript(preload)
      const { page, complaints } = await openPage(context, server.address)
      await page.getByText('2 cores, 2 workers').waitFor()
      await page.getByRole('button', { name: 'Choose a folder' }).click()
      const path = page.getByLabel('Folder, file or archive')
      await expect.poll(() => path.inputValue()).toBe('/home/ada/pictures/chosen')
      await page.getByRole('button', { name: 'Import', exact: true }).click()
      await page.getByRole('heading', { name: 'chosen' }).waitFor()
      await page.keyboard.press('Control+n')
      await page.getByRole('heading', { name: 'New study' }).waitFor()
      await page.keyboard.press('Control+3')
      await page.getByRole('link', { name: 'demo', exact: true }).click()
      await page.getByTestId('verdict-sentence').waitFor()
      expect(complaints).toEqual([])
    } finally {
      await browser.close()
      await server.close()
    }
  })
})
