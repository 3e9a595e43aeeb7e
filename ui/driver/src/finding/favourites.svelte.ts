/** The driver's favourite places; read once, changed at a press. */
import { api } from "$shared/api/client";
import type { All } from "$shared/api/model";

class Favourites {
  #ids = $state.raw<ReadonlySet<string>>(new Set());

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  async load(): Promise<void> {
    const found = await api.get<All<{ site_id: string }>>("/driver/favourites");
    this.#ids = new Set(found.items.map(({ site_id }) => site_id));
  }

  /** Makes a place a favourite, or lets go of it. */
  async toggle(id: string): Promise<void> {
    const path = `/driver/favourites/${id}` as const;
    const ids = new Set(this.#ids);
    if (ids.delete(id)) await api.delete(path);
    else {
      await api.put(path);
      ids.add(id);
    }
    this.#ids = ids;
  }
}

export const favourites = new Favourites();
