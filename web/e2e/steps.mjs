// How the walk is told: each step by itself, with how long it took; what a step needs for watching a page.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export class Walk {
  failures = [];
  complaints = [];
  axe = [];

  constructor(page) {
    this.page = page;
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`error: ${error.message}`));
  }

  /** What was refused on purpose is told by the browser as an error too: that is no fault of the page. */
  forgive(pattern) {
    this.complaints = this.complaints.filter((text) => !pattern.test(text));
  }

  async step(name, act) {
    const begun = Date.now();
    const before = this.complaints.length;
    try {
      const said = await act();
      console.log(`  ok    ${name}${said ? `: ${said}` : ''} (${Date.now() - begun} ms)`);
    } catch (error) {
      this.failures.push(name);
      console.log(
        `  FAIL  ${name}: ${String(error.message ?? error)
          .split('\n')
          .slice(0, 4)
          .join(' | ')}`,
      );
      if (process.env.E2E_SHOTS)
        await this.page.screenshot({ path: `${process.env.E2E_SHOTS}/fail-${this.failures.length}.png` });
      await this.page.keyboard.press('Escape').catch(() => {});
    }
    for (const text of this.complaints.slice(before)) console.log(`        console ${text.slice(0, 300)}`);
  }

  /** Holds the page against axe-core; serious and critical faults count. */
  async a11y(name) {
    // The policy forbids scripts of others in the page; the debugger is not bound by it.
    if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(axeSource);
    const result = await this.page.evaluate(async () => {
      const found = await window.axe.run(document, { resultTypes: ['violations'] });
      return found.violations.map((each) => ({
        id: each.id,
        impact: each.impact,
        nodes: each.nodes
          .slice(0, 3)
          .map(
            (node) =>
              `${node.html.slice(0, 160)} :: ${(node.failureSummary ?? '').replace(/\s+/g, ' ').slice(0, 240)}`,
          ),
      }));
    });
    const bad = result.filter((each) => each.impact === 'serious' || each.impact === 'critical');
    for (const each of bad) {
      this.axe.push(`${name}: ${each.id}`);
      console.log(`  AXE   ${name}: ${each.id} (${each.impact})`);
      for (const node of each.nodes) console.log(`        ${node}`);
    }
  }
}

/** Lets a file fall on the page. */
export const drop = (page, path, name) =>
  page.evaluate(
    ([data, called]) => {
      const file = new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], called);
      const transfer = new DataTransfer();
      transfer.items.add(file);
      for (const kind of ['dragenter', 'dragover', 'drop'])
        document
          .querySelector('main')
          .dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    },
    [readFileSync(path).toString('base64'), name],
  );
