/** Why a handshake failed: in the reader's language where we know the reason, else in the API's own sentence. */
import type { Stumble } from "$shared/api/model";
import { speech } from "$shared/words/say.svelte";

export function handshakeSentence({ reason_code, sentence }: Stumble): string {
  const key = `handshake.${reason_code}`;
  return key in speech.words ? speech.say(key) : sentence;
}
