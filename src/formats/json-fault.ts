// Where a text stops being JSON. JSON.parse does not always say (V8's wording differs by version), so a faulty text is walked once more.

/** Line and column (from 1) of the first fault, and what is wrong there. */
export interface JsonFault {
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

/** The first fault of a text that JSON.parse refuses. */
export function findJsonFault(text: string): JsonFault {
  const scanner = new Scanner(text);
  const reason = scanner.document() ?? "unknown fault";
  const before = text.slice(0, scanner.at);
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n"), reason };
}

/** Each method steps over one thing and returns null, or stops at the fault and returns the reason. */
class Scanner {
  at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  document(): string | null {
    const reason = this.value();
    if (reason !== null) return reason;
    this.space();
    return this.at < this.text.length ? `unexpected ${this.here()} after the end` : null;
  }

  private value(): string | null {
    this.space();
    const character = this.text[this.at];
    if (character === "{") return this.list("}", () => this.member());
    if (character === "[") return this.list("]", () => this.value());
    if (character === '"') return this.string();
    const literal = this.match(/(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)/y);
    return literal ? null : `expected a value but found ${this.here()}`;
  }

  private list(close: string, item: () => string | null): string | null {
    this.at++;
    this.space();
    if (this.step(close)) return null;
    for (;;) {
      const reason = item();
      if (reason !== null) return reason;
      this.space();
      if (this.step(close)) return null;
      if (!this.step(",")) return `expected "," or "${close}" but found ${this.here()}`;
    }
  }

  private member(): string | null {
    this.space();
    if (this.text[this.at] !== '"') return `expected a key in double quotes but found ${this.here()}`;
    const reason = this.string();
    if (reason !== null) return reason;
    this.space();
    return this.step(":") ? this.value() : `expected ":" but found ${this.here()}`;
  }

  private string(): string | null {
    this.at++;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (Number.isNaN(code)) return "the text ends inside a string";
      if (code < 32) return "a line feed or control character inside a string";
      if (code === 92) {
        if (!this.match(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y)) return "an unknown escape in a string";
      } else {
        this.at++;
        if (code === 34) return null;
      }
    }
  }

  private space(): void {
    this.match(/[ \t\r\n]*/y);
  }

  private step(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private here(): string {
    const code = this.text.codePointAt(this.at);
    return code === undefined ? "the end of the text" : JSON.stringify(String.fromCodePoint(code));
  }
}
