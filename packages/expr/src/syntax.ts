interface Place {
  /** Characters from the start of the source. */
  readonly at: number;
  readonly end: number;
}

/** An expression as it was written. Chains of `&&` and of `||` are one node with many operands. */
export type Syntax = Place &
  (
    | { readonly is: "number"; readonly digits: string }
    | {
        readonly is: "text";
        readonly value: string;
        /** Where the text begins when it holds no escapes. */ readonly inside: number;
      }
    | { readonly is: "bool"; readonly value: boolean }
    | { readonly is: "null" }
    | { readonly is: "name"; readonly name: string }
    | { readonly is: "member"; readonly of: Syntax; readonly name: string; readonly nameAt: number }
    | { readonly is: "list"; readonly items: readonly Syntax[] }
    | {
        readonly is: "call";
        readonly name: string;
        readonly nameAt: number;
        readonly receiver: Syntax | undefined;
        readonly args: readonly Syntax[];
      }
    | { readonly is: "operator"; readonly sign: string; readonly signAt: number; readonly args: readonly Syntax[] }
  );
