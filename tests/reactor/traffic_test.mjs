// The analytics module under the driver written from docs/reactor-abi.md: plays examples/analytics/traffic.txt, which the same
// source compiled natively plays as well, with every budget.
//   node traffic_test.mjs FOLDER_OF_THE_REACTORS
import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {Reactor, error, status} from './driver.mjs';

const play = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../../examples/analytics/traffic.txt'), 'utf8').trimEnd();
const module = readFileSync(join(process.argv[2], 'analytics.wasm'));
const report = '{"title": "week 47", "events": [{"name": "open", "count": 3}, {"name": "cl\\u00f6se", "count": 2.0e0}]}';

async function played(budget) {
  const lines = [], asked = [], calls = new Map(), latest = new Map(), outcomes = [];
  let forgotten = 0;
  const reactor = await Reactor.open(module, {budget, http: request => {
    if (request.startsWith('GET https://collector.test/report')) return `200 0\n\n${report}`;
    if (request.startsWith('GET')) return '200 0\n\n{"title": ';
    const outcome = outcomes.shift() ?? '200';
    asked.push(`${reactor.clock / 1000000n}.${(reactor.clock / 100000n) % 10n} ms: ${request.slice(request.indexOf('\n\n') + 2)} -> ${outcome}`);
    if (outcome === 'silent') return undefined;
    if (outcome === 'io') throw error(status.io, 'no route');
    return `${outcome} 0\n\n`;
  }});
  // What is ready, and answers, until nothing moves without time. Results are told before the next request is answered.
  const settle = () => {
    for (;;) {
      reactor.pump();
      for (const [task, {status: state, text}] of [...reactor.completed].sort(([a], [b]) => a - b)) {
        lines.push(`${calls.get(task)}: ${state === status.ok ? '' : `error ${state}, `}${text}`);
        reactor.completed.delete(task);
      }
      for (; forgotten < reactor.forgotten; ++forgotten) lines.push('the host forgets a request');
      if (asked.length + reactor.answers.length === 0) return;
      lines.push(...asked.splice(0));
      if (reactor.answers.length > 0) reactor.step();
    }
  };
  const command = ([verb, name, ...rest]) => {
    if (verb === 'outcomes') outcomes.push(name, ...rest);
    if (verb === 'start') {
      const task = reactor.start(name, rest.join(' '));
      calls.set(task, name);
      latest.set(name, task);
    }
    if (verb === 'cancel') reactor.guest.crank_cancel(latest.get(name));
    if (verb === 'advance') {
      const until = reactor.clock + BigInt(name) * 1000000n;
      for (let due; (due = reactor.guest.crank_deadline()) !== -1n && due <= until; settle()) reactor.clock = due > reactor.clock ? due : reactor.clock;
      reactor.clock = until;
    }
    if (verb !== 'outcomes') settle();
  };
  for (const line of play.split('\n')) {
    if (line.startsWith('> ') || line.startsWith('#') || line === '') lines.push(line);
    if (line.startsWith('> ')) command(line.slice(2).split(' '));
  }
  return lines;
}

let failures = 0;
for (const budget of [1, 2, 7, 0xffffffff]) {
  const found = await played(budget), wanted = play.split('\n');
  const at = wanted.findIndex((line, index) => line !== found[index]);
  if (at < 0 && found.length === wanted.length) continue;
  ++failures;
  console.log(`budget ${budget}, line ${at + 1}\n  wanted ${wanted[at]}\n  found  ${found[at]}`);
}
console.log(`the play, ${play.split('\n').length} lines, with 4 budgets: ${failures} failed`);
process.exit(failures ? 1 : 0);
