import { Command } from 'commander';
import { explainPlan, readConfig } from '../config/index.ts';
import { print } from './io.ts';
import { DEFAULT_CONFIG } from './record.ts';

export const validateCommand = new Command('validate')
  .description(
    'Check a config and print the plan: links, streams and feeds per link, limits used. Connects to nothing',
  )
  .argument('[config]', 'a JSON config; without it the default one')
  .addHelpText('after', '\nExample:\n  feedtape validate examples/raw-messages.json')
  .action(async (config: string | undefined) => {
    await print(`${explainPlan(readConfig(config ?? DEFAULT_CONFIG))}\n`);
  });
