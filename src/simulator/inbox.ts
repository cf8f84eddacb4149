import { isDeepStrictEqual } from 'node:util';
import { parseJson } from '../record/index.ts';

/** Messages of a client that wait to be matched; beyond this the oldest is forgotten. */
const WAITING_MAX = 10_000;

/** What a client has said and the recording has not come to yet. */
export class Inbox {
  #waiting: { readonly text: string; readonly json: unknown }[] = [];

  add(text: string): void {
    this.#waiting.push({ text, json: parseJson(text) });
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
  }

  /** Takes out the oldest message that says the same: the same text, or the same JSON value. False where there is none. */
  take(text: string): boolean {
    const json = parseJson(text);
    let index = this.#waiting.findIndex((message) => message.text === text);
    if (index < 0 && json !== null)
      index = this.#waiting.findIndex((message) => isDeepStrictEqual(message.json, json));
    if (index >= 0) this.#waiting.splice(index, 1);
    return index >= 0;
  }
}
