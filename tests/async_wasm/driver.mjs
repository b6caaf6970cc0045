// Turns the crank of async_bodies.wasm from outside, with several budgets. No user code may run before the first pump.
import { readFile } from 'node:fs/promises';

const module = await WebAssembly.compile(await readFile(process.argv[2]));
let bad = 0;
for (const budget of [1, 2, 7, 1000000]) {
  const imports = {};
  for (const wanted of WebAssembly.Module.imports(module)) {
    imports[wanted.module] ??= {};
    imports[wanted.module][wanted.name] = () => 52;  // ENOSYS: nothing of the system is needed
  }
  const guest = (await WebAssembly.instantiate(module, imports)).exports;
  guest._initialize?.();
  for (let body = 0; body < guest.count(); ++body) {
    guest.start(body);
    if (guest.outcome() !== 0) { console.log(`body ${body} ran before the pump`); ++bad; }
    for (let turn = 0; guest.outcome() === 0 && turn < 1000000; ++turn)
      if (guest.pump(budget) === 0) guest.pass(500);
    if (guest.outcome() !== 1) { console.log(`budget ${budget}: body ${body} ended with ${guest.outcome()}`); ++bad; }
  }
}
console.log(bad ? `${bad} failed` : 'all held');
process.exit(bad ? 1 : 0);
