/** The app on the home screen: its service worker, the browser's offer to install, whether there is a network. */

interface InstallOffer extends Event {
  prompt(): Promise<void>;
}

class Installing {
  online = $state(navigator.onLine);
  #offer = $state.raw<InstallOffer | null>(null);

  get offered(): boolean {
    return this.#offer !== null;
  }

  listen(): void {
    addEventListener("online", () => (this.online = true));
    addEventListener("offline", () => (this.online = false));
    addEventListener("beforeinstallprompt", (event) => {
      event.preventDefault();
      this.#offer = event as InstallOffer;
    });
    addEventListener("appinstalled", () => (this.#offer = null));
  }

  async accept(): Promise<void> {
    await this.#offer?.prompt();
    this.#offer = null;
  }
}

export const installing = new Installing();

export function install(): void {
  installing.listen();
  if ("serviceWorker" in navigator && import.meta.env.PROD)
    void navigator.serviceWorker.register(`${import.meta.env.BASE_URL}sw.js`, {
      scope: import.meta.env.BASE_URL,
    });
}
