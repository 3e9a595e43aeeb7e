/** Light or dark: the reader's system decides until the reader does. */

export type Theme = "system" | "light" | "dark";

const KEPT = "gridlane.theme";

function kept(): Theme {
  const value = localStorage.getItem(KEPT);
  return value === "light" || value === "dark" ? value : "system";
}

class Look {
  /** What the reader chose. */
  choice = $state<Theme>(kept());
  /** Grows whenever colours may have changed, so that canvases (map, charts) draw anew. */
  version = $state(0);

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.version++);
    this.#show();
  }

  choose(theme: Theme): void {
    this.choice = theme;
    if (theme === "system") localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, theme);
    this.#show();
    this.version++;
  }

  #show(): void {
    if (this.choice === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = this.choice;
  }
}

export const look = new Look();

/** Whether the page is dark at present. */
export function isDark(): boolean {
  return look.choice === "system"
    ? matchMedia("(prefers-color-scheme: dark)").matches
    : look.choice === "dark";
}

/** The present value of a colour token as `rgb(...)`, for canvases that know no custom properties. */
export function colour(token: `--${string}`, of: Element = document.documentElement): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  of.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}
