#!/usr/bin/env python3
"""demo/run, in a tree where some acts are built and others are not."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Runner(unittest.TestCase):
    def setUp(self):
        self.tree = tempfile.TemporaryDirectory()
        os.mkdir(os.path.join(self.tree.name, 'demo'))
        shutil.copy(os.path.join(ROOT, 'demo', 'run'), os.path.join(self.tree.name, 'demo', 'run'))

    def tearDown(self):
        self.tree.cleanup()

    def build(self, name, code):
        folder = os.path.join(self.tree.name, 'build', 'release', 'bin')
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, 'crank_act_' + name)
        with open(path, 'w') as file:
            file.write(f'#!/bin/sh\necho here is {name}\nexit {code}\n')
        os.chmod(path, 0o755)

    def run_acts(self, *acts):
        done = subprocess.run([sys.executable, os.path.join(self.tree.name, 'demo', 'run'), *acts], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def test_an_act_that_is_not_built_says_so_and_does_not_pretend(self):
        code, out, _ = self.run_acts()
        self.assertEqual(code, 0)
        self.assertEqual(out.count('not yet:'), 4)
        self.assertNotIn('played', out)

    def test_one_act_is_played_by_name(self):
        self.build('pump', 0)
        self.build('two_actors', 0)
        code, out, _ = self.run_acts('pump')
        self.assertEqual(code, 0)
        self.assertIn('here is pump', out)
        self.assertNotIn('two-actors', out)

    def test_an_act_that_fails_fails_the_demo(self):
        self.build('pump', 3)
        code, out, _ = self.run_acts()
        self.assertEqual(code, 1)
        self.assertIn('FAILED (3)', out)

    def test_an_unknown_act_is_named_with_those_there_are(self):
        code, _, err = self.run_acts('pumpp')
        self.assertEqual(code, 2)
        self.assertIn("there is no act 'pumpp'; the acts are pump, five-points, two-actors, compose", err)


if __name__ == '__main__':
    unittest.main()
