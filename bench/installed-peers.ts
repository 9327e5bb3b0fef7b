// Which peers a Python environment has, for `npm run bench:cuda`.
import { spawnSync } from "node:child_process";

/** Scripts of bench/peers that can run there. */
export interface InstalledPeers {
  readonly python: string;
  readonly device: "cuda" | "cpu";
  readonly training: readonly string[];
  readonly decoding: readonly string[];
}

const training = { card_train_peft: ["torch", "transformers", "peft"], card_train_unsloth: ["torch", "unsloth"] };
const decoding = { card_decode_transformers: ["torch", "transformers"], card_decode_vllm: ["torch", "vllm"] };
/** The others run on cuda alone. */
const anywhere = ["card_train_peft", "card_decode_transformers"];

/** Says what is left out and why. Throws where the interpreter does not run. */
export async function installedPeers(
  python: string,
  device: "cuda" | "cpu",
  say: (line: string) => void,
): Promise<InstalledPeers> {
  const wanted = [...new Set([...Object.values(training), ...Object.values(decoding)].flat())];
  const question =
    "import importlib.util, json, sys; print(json.dumps([n for n in sys.argv[1:] if importlib.util.find_spec(n)]))";
  const { status, stdout, stderr, error } = spawnSync(python, ["-c", question, ...wanted], { encoding: "utf8" });
  if (status !== 0)
    throw new Error(
      `Expected --peers to be a Python that runs but ${python} failed: ${error?.message ?? stderr.trim()}`,
    );
  const installed = new Set<string>(JSON.parse(stdout));
  const runs = (scripts: Readonly<Record<string, readonly string[]>>): string[] =>
    Object.entries(scripts).flatMap(([script, packages]) => {
      const missing = packages.filter((name) => !installed.has(name));
      const fits = device === "cuda" || anywhere.includes(script);
      if (missing.length === 0 && fits) return [script];
      say(`${script} is left out: ${fits ? `${missing.join(", ")} is not installed` : "it runs on cuda alone"}.`);
      return [];
    });
  return { python, device, training: runs(training), decoding: runs(decoding) };
}
