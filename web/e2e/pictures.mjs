// Pictures of every page in light and dark at 1280 and 400 pixels: node pictures.mjs URL USER PASSWORD FOLDER [CAPTURE WRONG-CAPTURE]
// PICTURES=rule,event takes some of them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { chromium as browsers } from 'playwright-core';
import { chromium } from './lab.mjs';
import { drop } from './steps.mjs';

const [url, user, password, folder, , wrong] = process.argv.slice(2);
/** Names of the pictures that are wanted; nothing: all. */
const only = process.env.PICTURES?.split(',');
mkdirSync(folder, { recursive: true });
const browser = await browsers.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});

/** Where things stand that have no address before they are there; found once, at the width that shows all. */
const places = {};

/** Opens the first row of a list, once there is one. */
async function firstOf(page, name, path) {
  if (places[name]) return page.goto(places[name]);
  await page.goto(`${url}/${path}`);
  const before = page.url();
  const row = page.locator('[role=row][data-index="0"]');
  await row.waitFor({ timeout: 15_000 });
  await row.focus();
  await page.keyboard.press('Enter');
  await page.waitForURL((next) => next.href !== before);
  places[name] = page.url();
}

/** Silences that an analyst would have made. */
async function silence() {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const ask = (path, data, headers) => context.request.post(`${url}/api/v1/${path}`, { data, headers });
  const session = await (await ask('auth/login', { username: user, password })).json();
  const hours = (n) => new Date(Date.now() + n * 3_600_000).toISOString();
  for (const [query, kind, reason, expires] of [
    [
      'alert.signature_id:9200001 AND src_ip:203.0.113.69',
      'silence',
      'The vulnerability scanner runs on Mondays',
      hours(7),
    ],
    ['alert.signature_id:9200007', 'suppress', 'Everybody looks at the basket', hours(24 * 30)],
    [
      'alert.category:"Network Scan" AND dest_ip:203.0.113.1',
      'silence',
      'Penetration test, ticket 4711',
      hours(24 * 5),
    ],
  ])
    await ask(
      'silences',
      { query, kind, reason, expires },
      { authorization: `Bearer ${session.access_token}` },
    );
  await context.close();
}

async function main() {
  await silence();
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
      for (const [name, path] of [
        ['overview', 'overview?since=15m'],
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
        if (places.incident) return page.goto(places.incident);
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
        places.incident = page.url();
      });
      await also('silence', async () => {
        await page.getByRole('button', { name: 'Silence…' }).click();
        await page.getByText(/Would have hidden/).waitFor();
      });
      await also('event', async () => {
        const query = encodeURIComponent('alert.signature_id:9200002');
        await firstOf(page, 'event', `hunt?q=${query}&since=7d`);
        await page.getByRole('heading', { name: 'What matched' }).waitFor();
      });
      await also('host', async () => {
        await firstOf(page, 'host', 'hosts');
        await page.getByRole('button', { name: '1 h', exact: true }).click();
      });
      await also('action', () => firstOf(page, 'action', 'actions?state=effective'));
      await also('rule', async () => {
        await page.goto(`${url}/rules?sid=9200002`);
        await page.getByRole('heading', { name: 'Tune' }).waitFor();
      });
      if (wrong)
        await also('capture', async () => {
          if (places.capture) return page.goto(places.capture);
          await page.goto(`${url}/overview`);
          await page.getByRole('heading', { level: 1 }).waitFor();
          await drop(page, wrong, 'office-laptop.pcap');
          await page.locator('.hunt-capture').waitFor();
          places.capture = page.url();
        });
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
