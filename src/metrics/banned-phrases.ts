// Phrases that show the rewrite still speaks of its prompt; a rewrite with one is rejected for every task (PROTOCOL §3).

import { stripText } from "./python-text.js";

const banned = ["reference answer", "your response", "my response", "your own response", "now it's your turn"];
const bannedOpening = "Your turn";

/** The first banned phrase in the text, or null. Case counts only for the opening "Your turn". */
export function findBannedPhrase(output: string): string | null {
  const text = stripText(output);
  const lower = text.toLowerCase();
  const phrase = banned.find((candidate) => lower.includes(candidate));
  return phrase ?? (text.startsWith(bannedOpening) ? bannedOpening : null);
}
