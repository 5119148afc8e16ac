// Pictures of every page in light and dark at 1280 and 400 pixels: node pictures.mjs URL USER PASSWORD FOLDER
import { mkdirSync, writeFileSync } from 'node:fs';
import { chromium as browsers } from 'playwright-core';
import { chromium } from './lab.mjs';

const [url, user, password, folder] = process.argv.slice(2);
/** Names of the pictures that are wanted; nothing: all. */
const only = process.env.PICTURES?.split(',');
mkdirSync(folder, { recursive: true });
const browser = await browsers.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});

/** The address of the first row of a list, once there is one. */
async function firstOf(page, path, query = '') {
  await page.goto(`${url}/${path}${query}`);
  const row = page.locator('[role=row][data-index="0"]');
  await row.waitFor({ timeout: 15_000 });
  await row.focus();
  await page.keyboard.press('Enter');
  await page.waitForURL((next) => !next.pathname.endsWith(`/${path}`) || next.search !== query);
  return page.url();
}

async function main() {
  for (const width of [1280, 400]) {
    for (const theme of ['light', 'dark']) {
      const context = await browser.newContext({
        viewport: { width, height: width > 700 ? 860 : 840 },
        deviceScaleFactor: width > 700 ? 1.5 : 2,
        colorScheme: theme,
        reducedMotion: 'reduce',
        ignoreHTTPSErrors: true,
      });
      const page = await context.newPage();
      const debug = await context.newCDPSession(page);
      const take = async (name) => {
        if (only && !only.includes(name)) return;
        await page.waitForTimeout(1300);
        // WebP is a third of PNG, which this repository would carry for ever.
        const { data } = await debug.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
        writeFileSync(`${folder}/${name}-${theme}-${width}.webp`, Buffer.from(data, 'base64'));
      };
      await page.goto(url);
      await page.getByLabel('Password').waitFor();
      await take('login');
      await page.getByLabel('Name').fill(user);
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
      await page.waitForTimeout(2500);
      await take('overview');
      for (const [name, path] of [
        ['incidents', 'incidents?status=all'],
        ['hunt', 'hunt?since=15m'],
        ['hosts', 'hosts'],
        ['actions', 'actions'],
        ['rules', 'rules'],
        ['health', 'health'],
        ['settings', 'settings?tab=silences'],
      ]) {
        await page.goto(`${url}/${path}`);
        await take(name);
      }
      const also = async (name, act) => {
        if (only && !only.includes(name)) return;
        try {
          await act();
          await take(name);
        } catch (error) {
          console.log(`no picture of ${name}: ${String(error.message).split('\n')[0]}`);
        }
      };
      await also('incident', async () => {
        // The longest chain of steps is the one worth showing.
        await page.goto(`${url}/incidents?status=all`);
        await page.locator('[role=row][data-index]').first().waitFor();
        const best = await page.evaluate(() => {
          const rows = [...document.querySelectorAll('[role=row][data-index]')];
          const steps = (row) => row.querySelectorAll('.strip rect[width="5"]').length;
          return Number(rows.sort((a, b) => steps(b) - steps(a))[0].dataset.index);
        });
        await page.locator(`[role=row][data-index="${best}"]`).click();
        await page.getByRole('heading', { name: 'How it went' }).waitFor();
      });
      await also('silence', async () => {
        await page.getByRole('button', { name: 'Silence…' }).click();
        await page.getByText(/Would have hidden/).waitFor();
      });
      await also('event', () =>
        firstOf(page, 'hunt', `?q=${encodeURIComponent('alert.signature_id:9200002')}&since=7d`),
      );
      await also('host', () => firstOf(page, 'hosts'));
      await also('action', () => firstOf(page, 'actions'));
      await also('rule', () => firstOf(page, 'rules'));
      if (width > 700)
        await also('palette', async () => {
          await page.goto(`${url}/overview`);
          await page.getByRole('heading', { level: 1 }).waitFor();
          await page.keyboard.press('Control+k');
          await page.getByRole('combobox', { name: /A page/ }).fill('in');
        });
      await context.close();
    }
  }
}

await main();
await browser.close();
