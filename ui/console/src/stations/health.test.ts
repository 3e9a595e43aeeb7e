import { describe, expect, test } from "vitest";

import type { Evse, ConnectorStatus, Station } from "$shared/api/model";

import { findings } from "./health";

const NOW = Date.parse("2026-05-04T12:00:00Z");

function station(change: Partial<Station> = {}): Station {
  return {
    id: "1",
    identity: "CP-1",
    name: "Torstraße 1",
    site_id: null,
    approval: "accepted",
    security_profile: 2,
    protocol: "ocpp2.0.1",
    secure: true,
    address: null,
    connected: true,
    connected_at: "2026-05-04T08:00:00Z",
    disconnected_at: null,
    last_seen_at: "2026-05-04T11:58:00Z",
    booted_at: "2026-05-04T08:00:01Z",
    vendor: "V",
    model: "M",
    serial: null,
    firmware: null,
    firmware_status: null,
    boot_reason: null,
    clock_offset: 0,
    flaps: 0,
    created_at: "2026-01-01T00:00:00Z",
    connectors: [],
    ...change,
  };
}

function evse(status: ConnectorStatus, error: string | null = null): Evse {
  const connector = {
    id: "c",
    evse: 1,
    number: 1,
    kind: null,
    max_current: null,
    status,
    status_at: "2026-05-04T11:00:00Z",
    error,
    operative: true,
  };
  return {
    id: "e",
    number: 1,
    public_id: null,
    label: null,
    phases: 3,
    max_power: null,
    connectors: [connector],
  };
}

const keys = (of: Station, evses: Evse[] = []): string[] => findings(of, evses, NOW).map(({ key }) => key);

describe("a station", () => {
  test("that is connected and says nothing bad is healthy", () => {
    expect(keys(station(), [evse("available")])).toEqual([]);
  });

  test("with a faulted plug offers the gentle commands before the reset", () => {
    const [fault] = findings(station(), [evse("faulted", "GroundFailure")], NOW);
    expect(fault?.about).toEqual({ number: 1, error: "GroundFailure" });
    expect(fault?.next.map(({ kind }) => kind)).toEqual(["trigger", "unlock", "reset", "get_log"]);
  });

  test("that lost its link is offline since then, not silent", () => {
    const lost = station({ connected: false, disconnected_at: "2026-05-04T11:00:00Z" });
    expect(findings(lost, [], NOW)).toMatchObject([{ key: "offline", since: "2026-05-04T11:00:00Z" }]);
  });

  test("that is connected but has not spoken for long is silent", () => {
    expect(keys(station({ last_seen_at: "2026-05-04T11:30:00Z" }))).toEqual(["silent"]);
  });

  test("nobody has ever seen is told apart from one that was lost", () => {
    expect(keys(station({ connected: false, last_seen_at: null }))).toEqual(["never_connected"]);
  });

  test("whose clock is half a minute off is named, in either direction", () => {
    expect(keys(station({ clock_offset: -74 }))).toEqual(["clock"]);
    expect(keys(station({ clock_offset: 20 }))).toEqual([]);
  });

  test("that waits for approval is not blamed for anything else about its link", () => {
    expect(keys(station({ approval: "pending", connected: false }))).toEqual(["pending"]);
  });
});
