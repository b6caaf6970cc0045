// The contract's page put to the test: the driver written from it runs the hello module, every bridge, and the scheduling
// scenarios against the lines of the native run, with every budget and the host's answers in every order.
//   node driver_test.mjs FOLDER_OF_THE_REACTORS
import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {Reactor, error, status} from './driver.mjs';

const folder = process.argv[2];
const module = name => readFileSync(join(folder, `${name}.wasm`));
let checks = 0, failures = 0;
const same = (what, found, wanted) => {
  ++checks;
  if (JSON.stringify(found) === JSON.stringify(wanted)) return;
  ++failures;
  console.log(`${what}\n  wanted ${JSON.stringify(wanted)}\n  found  ${JSON.stringify(found)}`);
};
const budgets = [1, 2, 7, 0xffffffff];
const ok = text => ({status: status.ok, text});

// Hello.
{
  const reactor = await Reactor.open(module('hello'));
  same('hello', reactor.call('hello', 'world'), ok('hello world'));
  same('hello to nobody', reactor.call('hello'), ok('hello '));
  same('the probe', reactor.call('crank_probe'), ok(''));
  same('hello is below 10 KB', module('hello').length < 10240, true);
  same('hello imports no WASI', WebAssembly.Module.imports(new WebAssembly.Module(module('hello'))).map(each => each.module).filter(name => name !== 'crank'), []);
}

// Bridges.
const options = budget => ({
  budget,
  functions: {count: text => text || '2', broken: () => { throw new Error('it broke'); }, never: () => undefined, big: size => 'x'.repeat(Number(size))},
  http: (request, flags) => {
    if (!request.includes('https://allowed.test/')) throw error(status.refused, 'not on the list');
    return flags ? '200 9\ncontent-type: text/plain\n\n' : `200 0\ncontent-type: text/plain\n\n${request.length} bytes asked`;
  },
});
for (const budget of budgets) {
  const said = [], chunks = ['first', 'second', ''], closed = [];
  const reactor = await Reactor.open(module('bridges'), {...options(budget), log: (level, text) => said.push([level, text]), read: () => chunks.shift(), close: stream => closed.push(stream)});
  const at = what => `${what}, budget ${budget}`;
  same(at('echo'), reactor.call('echo', 'äöü'), ok('äöü'));
  same(at('call'), reactor.call('call', 'count 17'), ok('17'));
  same(at('a call the host fails'), reactor.call('call', 'broken'), {status: status.failed, text: 'it broke'});
  same(at('a call of nothing'), reactor.call('call', 'nothing'), {status: status.refused, text: 'the host offers no such thing'});
  same(at('a big answer'), reactor.call('call', 'big 3000000').text.length, 3000000);
  same(at('calls one by one'), reactor.call('call_many', '300'), ok('600'));
  same(at('calls at once'), reactor.call('call_at_once', '300'), ok('44850'));
  same(at('fetch'), reactor.call('fetch', 'https://allowed.test/a'), ok('200 text/plain: 28 bytes asked'));
  same(at('fetch refused'), reactor.call('fetch', 'https://other.test/'), {status: status.refused, text: 'not on the list'});
  same(at('post'), reactor.call('post', 'https://allowed.test/ body'), ok('200 57 bytes asked'));
  same(at('chunks'), reactor.call('fetch_chunks', 'https://allowed.test/'), ok('200: 2 chunks, 11 bytes'));
  same(at('chunks closed'), closed, [9]);
  same(at('nap'), [reactor.call('nap', '5000000000'), String(reactor.clock)], [ok('rested'), '5000000000']);
  same(at('say'), [reactor.call('say', 'hey'), said], [ok(''), [[2, 'hey']]]);
}

// No user code runs outside of a turn: not at an entry, not at a resume, not at a cancellation.
{
  const reactor = await Reactor.open(module('bridges'), options(0xffffffff));
  const tasks = [reactor.start('echo', 'a'), reactor.start('echo', 'b')];
  const asked = reactor.start('call', 'count 5');
  same('pump(0) runs nothing', reactor.guest.crank_pump(0) >> 32n === 3n, true);
  same('entries run nothing', reactor.completed.size, 0);
  reactor.pump();
  same('after one turn', [reactor.completed.size, reactor.answers.length], [2, 1]);
  const {token} = reactor.answers.pop();
  same('resume accepted', reactor.resume(token, status.ok, '5'), 0);
  same('resume runs nothing', reactor.completed.has(asked), false);
  same('a second resume', reactor.resume(token, status.ok, '6'), 3);
  same('its own answer holds', reactor.finish(asked), ok('5'));
  same('a late resume', reactor.resume(token, status.ok, '7'), 2);
  same('an unknown resume', reactor.resume(987654, status.ok, ''), 1);
  same('token 0', reactor.resume(0, status.ok, ''), 1);
  same('bodies run', reactor.call('bodies'), ok('2'));
  tasks.forEach(task => reactor.completed.delete(task));

  const waiting = reactor.start('notice_cancel');
  reactor.pump();
  same('cancel', reactor.guest.crank_cancel(waiting), 0);
  same('cancel runs nothing', [reactor.forgotten, reactor.completed.size], [0, 0]);
  same('cancelled', reactor.finish(waiting), {status: status.cancelled, text: 'handlers run: 1'});
  same('forgotten', reactor.forgotten, 1);
  same('cancel again', reactor.guest.crank_cancel(waiting), 1);
  let idle = '';
  try { reactor.call('wait_for_ever'); } catch (caught) { idle = caught.message; }
  same('idle but not complete is said', /^idle, and task \d+ is not complete/.test(idle), true);
  const told = reactor.guest.crank_describe(0);
  same('what it waits for is told', /awaits at\n.*wait_for_ever.*bridges\.cc:\d+/.test(reactor.text(Number(told >> 32n), Number(told & 0xffffffffn))), true);
}

// A thousand awaits of each kind, when warm: no allocation, but for the block an answer is written into.
{
  const reactor = await Reactor.open(module('counted'), {functions: {empty: () => '', text: () => 'some text'}});
  for (const kind of ['bridge', 'call', 'actor', 'sleep', 'child', 'spawn'])
    same(`allocations of ${kind}`, reactor.call('allocations_of', kind), ok('0'));
  same('allocations of payload', reactor.call('allocations_of', 'payload'), ok('1000'));
  const so_far = [1, 2, 3].map(() => Number(reactor.call('allocations_so_far').text));
  same('allocations of a warm entry: its answer', so_far[2] - so_far[1], 1);
}

// A reactor without a runtime, whose timers are the host's.
{
  const reactor = await Reactor.open(module('timers'));
  same('timers', [reactor.call('after_two_waits', 'a'), String(reactor.clock)], [ok('a'), '2000000']);
  same('timers again', [reactor.call('after_two_waits', 'b'), String(reactor.clock)], [ok('b'), '4000000']);
}

// The scenarios.
const golden = new Map();
let name;
for (const line of readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../guests/reactor/scenarios.txt'), 'utf8').split('\n')) {
  if (line.startsWith('# ')) golden.set(name = line.slice(2), '');
  else if (line) golden.set(name, `${golden.get(name)}${line}\n`);
}
const orders = [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]];
const wasm = module('scenarios');
const names = (await Reactor.open(wasm)).call('names').text.trim().split('\n');
same('scenarios', names.length, 12);
for (const scenario of names) {
  for (const order of orders) {
    for (const budget of budgets) {
      let picked = 0;
      const pick = due => Math.min([...order, 0][picked++ % 3], due.length - 1);
      const reactor = await Reactor.open(wasm, {budget, pick, functions: {upper: text => text.toUpperCase()}});
      const heading = scenario.endsWith('as_they_come') ? `${scenario} ${order.join('')}0` : scenario;
      same(`${heading}, answers ${order}, budget ${budget}`, reactor.call('scenario', scenario), ok(golden.get(heading)));
    }
  }
}

console.log(`${checks} checks, ${failures} failed`);
process.exit(failures ? 1 : 0);
