// How pages fare with very many events behind them: node many.mjs URL USER PASSWORD
// Times are what a person waits; a frame is what the page needs to draw once.
import { chromium as browsers } from 'playwright-core';
import { chromium } from './lab.mjs';
import { Walk } from './steps.mjs';

const [url, user, password] = process.argv.slice(2);
const OWN = 'a password of their own, long';
/** What takes longer than this until its answer is on the page is broken, however busy the machine is. */
const PATIENCE_MS = 10_000;
/** A frame that takes longer is a hang. */
const FRAME_MS = 1500;

const browser = await browsers.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
let own = password;
let failures = 0;

for (const width of [1280, 400]) {
  const context = await browser.newContext({ viewport: { width, height: 860 }, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const walk = new Walk(page);
  const rows = () => page.locator('[role=row][data-index]');
  const foot = page.locator('.grid-foot span').first();
  const timed = async (act) => {
    const begun = Date.now();
    await act();
    return Date.now() - begun;
  };
  /** Watches frames while something is done; the longest. */
  const watching = async (act) => {
    await page.evaluate(() => {
      window.longest = 0;
      window.watches = true;
      let last = performance.now();
      const look = () => {
        const now = performance.now();
        window.longest = Math.max(window.longest, now - last);
        last = now;
        if (window.watches) requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await act();
    return page.evaluate(() => {
      window.watches = false;
      return Math.round(window.longest);
    });
  };
  const within = (name, ms, most) => {
    if (ms > most) throw new Error(`${name} took ${ms} ms, more than ${most}`);
    return `${name} ${ms} ms`;
  };
  console.log(`${width} pixels`);

  await walk.step('login', async () => {
    await page.goto(url);
    await page.getByLabel('Name').fill(user);
    await page.getByLabel('Password').fill(own);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    const due = page.getByRole('heading', { name: 'Choose a password' });
    const home = page.getByRole('heading', { level: 1, name: 'Overview' });
    await Promise.race([due.waitFor(), home.waitFor()]);
    if (await due.isVisible()) {
      await page.getByLabel('Password so far').fill(own);
      await page.getByLabel(/^New password, /).fill(OWN);
      await page.getByLabel('New password again').fill(OWN);
      await page.getByRole('button', { name: 'Change the password' }).click();
      own = OWN;
    }
    await home.waitFor();
  });

  await walk.step('hunt: all there is, with its histogram', async () => {
    const ms = await timed(async () => {
      await page.goto(`${url}/hunt?since=all`);
      await rows().first().waitFor();
    });
    const chart = await timed(() => page.locator('.hunt-hist canvas').waitFor());
    return `${await foot.innerText()}; ${within('rows after', ms, PATIENCE_MS)}, histogram ${chart} ms later`;
  });

  await walk.step('hunt: scrolled to the last row that is kept', async () => {
    let loaded = 0;
    let steps = 0;
    const begun = Date.now();
    const longest = await watching(async () => {
      const end = Date.now() + 60_000;
      while (Date.now() < end && loaded < 20_000) {
        await page.evaluate(() => {
          const grid = document.querySelector('.grid');
          grid.scrollTop = grid.scrollHeight;
        });
        await page.waitForTimeout(60);
        steps += 1;
        const said = await page.locator('.grid-foot span').nth(1).innerText();
        loaded = Number(said.replace(/\D/g, ''));
      }
    });
    const drawn = await rows().count();
    if (drawn > 120) throw new Error(`${drawn} rows are drawn at once`);
    return `${loaded} rows within ${Date.now() - begun} ms, ${steps} jumps; ${within('the longest frame', longest, FRAME_MS)}; ${drawn} rows are drawn`;
  });

  await walk.step('hunt: dragged up and down through all of them', async () => {
    const longest = await watching(() =>
      page.evaluate(async () => {
        const grid = document.querySelector('.grid');
        for (let i = 0; i < 120; i++) {
          grid.scrollTop = grid.scrollHeight * (0.5 + 0.5 * Math.sin(i / 6));
          await new Promise((resolve) => requestAnimationFrame(resolve));
        }
      }),
    );
    return within('the longest frame', longest, FRAME_MS);
  });

  for (const query of [
    'event_type:alert',
    'event_type:http AND http.status:404',
    'src_ip:10.0.0.0/8 AND dest_port:443',
    'alert.signature:"ET*" OR dns.rrname:*google*',
    'NOT event_type:flow',
  ])
    await walk.step(`hunt: ${query}`, async () => {
      const box = page.getByRole('combobox', { name: 'Query' });
      const before = await foot.innerText();
      const ms = await timed(async () => {
        await box.fill(query);
        await page.keyboard.press('Escape');
        await page.keyboard.press('Enter');
        await page.waitForFunction(
          (old) => {
            const now = document.querySelector('.grid-foot span')?.textContent ?? '';
            return now.includes('events') && now !== old;
          },
          before,
          { timeout: 20_000 },
        );
      });
      return `${await foot.innerText()}; ${within('on the page after', ms, PATIENCE_MS)}`;
    });

  await walk.step('hunt: brushed in the histogram', async () => {
    await page.goto(`${url}/hunt?since=all&q=event_type%3Aalert`);
    await page.locator('.hunt-hist canvas').waitFor();
    await page.waitForTimeout(500);
    const box = await page.locator('.hunt-hist .u-over').boundingBox();
    const before = page.url();
    const ms = await timed(async () => {
      await page.mouse.move(box.x + box.width * 0.4, box.y + 30);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + 30, { steps: 4 });
      await page.mouse.up();
      await page.waitForURL((next) => next.href !== before);
      await rows().first().waitFor();
    });
    return `${await foot.innerText()}; ${within('on the page after', ms, PATIENCE_MS)}`;
  });

  await walk.step('hosts of all of them', async () => {
    const ms = await timed(async () => {
      await page.goto(`${url}/hosts?since=30d`);
      await page.getByRole('heading', { level: 1, name: 'Hosts' }).waitFor();
      await page.locator('[role=row][data-index], .state').first().waitFor();
    });
    return within('on the page after', ms, PATIENCE_MS);
  });
  failures += walk.failures.length + walk.complaints.length;
  for (const text of walk.complaints) console.log(`        console ${text}`);
  await context.close();
}
await browser.close();
process.exit(failures > 0 ? 1 : 0);
