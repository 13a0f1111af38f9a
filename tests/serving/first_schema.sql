-- A store of the first released schema (0001) with data, as SQLite dumps it. Never to be changed.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE answers (
	caller VARCHAR(40) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	status INTEGER NOT NULL, 
	body JSON NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_answers PRIMARY KEY (caller, "key")
);
INSERT INTO "answers" VALUES('local','new-13','e3a117f426bd7220597e008af2cdc0df072cb87bdcedee6132fd475c49738fd8',201,'{"conversation_id": "c-b90948a06c354952aea2c490c4518b0f", "number": 0, "text": "Hello. This is Lin from Voyara. It''s about the Queen Room for Dec 1-2, which sells at 420 yuan now.", "source": "agent", "stage": "persuade", "status": "open", "outcome": null, "prices": [{"ticket": "t1", "state": "open", "offer": null, "agreed": null}], "guard": [], "run": "intent-8166a9bcf79e", "arm": "intent", "suite_version": "5a5bae40f9bd", "latency_ms": 27.74}','2026-11-26T16:12:55.079678Z');
INSERT INTO "answers" VALUES('local','new-15','0fbd08c4f6f8a8ddb845625230d033d5c6d0c01f234e1b4b17516af515733498',201,'{"conversation_id": "c-3e1c6008759e4ad08331746bb150af88", "number": 0, "text": "Hello, Caf\u00e9 \u00dcn\u00efcode \u9152\u5e97. My name is Lin and I work for Voyara. I am writing about your Queen Room for Dec 1-2, now selling at 420 yuan.", "source": "agent", "stage": "persuade", "status": "open", "outcome": null, "prices": [{"ticket": "t1", "state": "open", "offer": null, "agreed": null}], "guard": [], "run": "intent-8166a9bcf79e", "arm": "intent", "suite_version": "5a5bae40f9bd", "latency_ms": 60.49}','2026-11-26T16:12:55.654940Z');
INSERT INTO "answers" VALUES('local','new-12','d9a1c9495c049a795ed85613d863e4c4724ecfe66a1ad2b3e9506c7271ec8bbb',201,'{"conversation_id": "c-b542a54e0c3b451c8fe4a16f87777909", "number": 0, "text": "Hello. My name is Lin and I work for Voyara. May I speak with the person who looks after room prices?", "source": "agent", "stage": "present", "status": "open", "outcome": null, "prices": [{"ticket": "t1", "state": "open", "offer": null, "agreed": null}], "guard": [], "run": "intent-8166a9bcf79e", "arm": "intent", "suite_version": "5a5bae40f9bd", "latency_ms": 33.83}','2026-11-26T16:12:56.129872Z');
CREATE TABLE audit (
	id INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	key_id VARCHAR(40), 
	action VARCHAR(80) NOT NULL, 
	conversation_id VARCHAR(40), 
	detail TEXT, 
	CONSTRAINT pk_audit PRIMARY KEY (id)
);
INSERT INTO "audit" VALUES(1,'2026-11-26T16:12:56.029426Z',NULL,'operator wrote','c-3e1c6008759e4ad08331746bb150af88',NULL);
INSERT INTO "audit" VALUES(2,'2026-11-26T16:13:04.959692Z',NULL,'key created',NULL,'ef403c326680 agent');
CREATE TABLE conversations (
	id VARCHAR(40) NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	pack VARCHAR(200) NOT NULL, 
	pack_version VARCHAR(40) NOT NULL, 
	contact TEXT NOT NULL, 
	contact_key VARCHAR(64) NOT NULL, 
	brief JSON NOT NULL, 
	arm VARCHAR(200) NOT NULL, 
	follows_up BOOLEAN NOT NULL, 
	key_id VARCHAR(40), 
	CONSTRAINT pk_conversations PRIMARY KEY (id)
);
INSERT INTO "conversations" VALUES('c-b90948a06c354952aea2c490c4518b0f','2026-11-26T16:12:55.079678Z','hotel','8166a9bcf79e','Sunrise Hotel','4952675ad22a60ff0a018c6658f1e2a79e4ae8c0140a401f1633e7e78154b547','{"tickets": [{"id": "t1", "currency": "CNY", "selling_price": 420.0, "commission_rate": 0.15, "target_selling_price": 380.0, "competitor_price": {"selling_price": 385.0, "source": "another platform"}, "room": "Queen Room", "check_in": "2026-12-01", "check_out": "2026-12-02"}], "facts": ["The hotel''s page had 310 views in the last 7 days."], "hotel": "Sunrise Hotel", "city": "Hangzhou", "agency": "Voyara", "agent_name": "Lin"}','intent',0,NULL);
INSERT INTO "conversations" VALUES('c-3e1c6008759e4ad08331746bb150af88','2026-11-26T16:12:55.654940Z','hotel','8166a9bcf79e','Café Ünïcode 酒店','8b8a80b5a60c0ce7f898d5d5211af6c652d22d39e018571cead5bcbc3c17bb31','{"tickets": [{"id": "t1", "currency": "CNY", "selling_price": 420.0, "commission_rate": 0.15, "target_selling_price": 380.0, "competitor_price": {"selling_price": 385.0, "source": "another platform"}, "room": "Queen Room", "check_in": "2026-12-01", "check_out": "2026-12-02"}], "facts": ["The hotel''s page had 310 views in the last 7 days."], "hotel": "Caf\u00e9 \u00dcn\u00efcode \u9152\u5e97", "city": "Hangzhou", "agency": "Voyara", "agent_name": "Lin"}','intent',1,NULL);
INSERT INTO "conversations" VALUES('c-b542a54e0c3b451c8fe4a16f87777909','2026-11-26T16:12:56.129872Z','hotel','8166a9bcf79e','Leave Me Inn','cdd4166bafdf3a536cd29144244b12918f083e7bf7e3b6cf640f3b882621744d','{"tickets": [{"id": "t1", "currency": "CNY", "selling_price": 420.0, "commission_rate": 0.15, "target_selling_price": 380.0, "competitor_price": {"selling_price": 385.0, "source": "another platform"}, "room": "Queen Room", "check_in": "2026-12-01", "check_out": "2026-12-02"}], "facts": ["The hotel''s page had 310 views in the last 7 days."], "hotel": "Leave Me Inn", "city": "Hangzhou", "agency": "Voyara", "agent_name": "Lin"}','intent',0,NULL);
CREATE TABLE deliveries (
	event_id INTEGER NOT NULL, 
	attempts INTEGER NOT NULL, 
	next_at VARCHAR(32), 
	delivered_at VARCHAR(32), 
	error TEXT, 
	CONSTRAINT pk_deliveries PRIMARY KEY (event_id), 
	CONSTRAINT fk_deliveries_event_id_events FOREIGN KEY(event_id) REFERENCES events (id)
);
INSERT INTO "deliveries" VALUES(1,0,'2026-11-26T16:12:55.079678Z',NULL,NULL);
INSERT INTO "deliveries" VALUES(2,0,'2026-11-26T16:12:55.392877Z',NULL,NULL);
INSERT INTO "deliveries" VALUES(3,0,'2026-11-26T16:12:55.520631Z',NULL,NULL);
INSERT INTO "deliveries" VALUES(4,0,'2026-11-26T16:12:55.654940Z',NULL,NULL);
INSERT INTO "deliveries" VALUES(5,0,'2026-11-26T16:12:56.029426Z',NULL,NULL);
INSERT INTO "deliveries" VALUES(7,0,'2026-11-26T16:12:56.129872Z',NULL,NULL);
INSERT INTO "deliveries" VALUES(8,0,'2026-11-26T16:12:56.232742Z',NULL,NULL);
INSERT INTO "deliveries" VALUES(9,0,'2026-11-26T16:12:56.232742Z',NULL,NULL);
CREATE TABLE events (
	id INTEGER NOT NULL, 
	conversation_id VARCHAR(40), 
	at VARCHAR(32) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	data JSON NOT NULL, 
	CONSTRAINT pk_events PRIMARY KEY (id), 
	CONSTRAINT fk_events_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);
INSERT INTO "events" VALUES(1,'c-b90948a06c354952aea2c490c4518b0f','2026-11-26T16:12:55.079678Z','started','{"contact": "Sunrise Hotel", "arm": "intent"}');
INSERT INTO "events" VALUES(2,'c-b90948a06c354952aea2c490c4518b0f','2026-11-26T16:12:55.392877Z','agreed','{"ticket": "t1", "price": {"amount": 380.0, "currency": "CNY", "kind": "selling", "net": 323.0}}');
INSERT INTO "events" VALUES(3,'c-b90948a06c354952aea2c490c4518b0f','2026-11-26T16:12:55.520631Z','ended','{"outcome": "agreed", "prices": [{"ticket": "t1", "state": "confirmed", "agreed": {"amount": 380.0, "currency": "CNY", "kind": "selling", "net": 323.0}}]}');
INSERT INTO "events" VALUES(4,'c-3e1c6008759e4ad08331746bb150af88','2026-11-26T16:12:55.654940Z','started','{"contact": "Caf\u00e9 \u00dcn\u00efcode \u9152\u5e97", "arm": "intent"}');
INSERT INTO "events" VALUES(5,'c-3e1c6008759e4ad08331746bb150af88','2026-11-26T16:12:56.029426Z','message','{"number": 5, "author": "operator", "text": "A person here."}');
INSERT INTO "events" VALUES(6,'c-3e1c6008759e4ad08331746bb150af88','2026-11-26T16:12:56.029426Z','given_back','{}');
INSERT INTO "events" VALUES(7,'c-b542a54e0c3b451c8fe4a16f87777909','2026-11-26T16:12:56.129872Z','started','{"contact": "Leave Me Inn", "arm": "intent"}');
INSERT INTO "events" VALUES(8,'c-b542a54e0c3b451c8fe4a16f87777909','2026-11-26T16:12:56.232742Z','opted_out','{"contact": "Leave Me Inn"}');
INSERT INTO "events" VALUES(9,'c-b542a54e0c3b451c8fe4a16f87777909','2026-11-26T16:12:56.232742Z','ended','{"outcome": "opted_out", "prices": [{"ticket": "t1", "state": "refused"}]}');
CREATE TABLE keys (
	id VARCHAR(40) NOT NULL, 
	hash BLOB NOT NULL, 
	scope VARCHAR(16) NOT NULL, 
	label TEXT NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	revoked_at VARCHAR(32), 
	CONSTRAINT pk_keys PRIMARY KEY (id)
);
INSERT INTO "keys" VALUES('ef403c326680',X'34F08FDC207043D7AE235F91A595085CA81E575ABA0A4DA77E6C9946EA00D553','agent','crm','2026-11-26T16:13:04.959692Z',NULL);
CREATE TABLE messages (
	id INTEGER NOT NULL, 
	conversation_id VARCHAR(40) NOT NULL, 
	number INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	speaker VARCHAR(16) NOT NULL, 
	author VARCHAR(16) NOT NULL, 
	text TEXT, 
	silence_minutes FLOAT, 
	stage VARCHAR(80), 
	run VARCHAR(200), 
	arm VARCHAR(200), 
	suite_version VARCHAR(80), 
	seed BIGINT, 
	latency_ms FLOAT, 
	guard JSON, 
	CONSTRAINT pk_messages PRIMARY KEY (id), 
	CONSTRAINT fk_messages_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id), 
	CONSTRAINT uq_messages_conversation_id_number UNIQUE (conversation_id, number)
);
INSERT INTO "messages" VALUES(1,'c-b90948a06c354952aea2c490c4518b0f',0,'2026-11-26T16:12:55.079678Z','agent','agent','Hello. This is Lin from Voyara. It''s about the Queen Room for Dec 1-2, which sells at 420 yuan now.',NULL,'open','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,27.74,'null');
INSERT INTO "messages" VALUES(2,'c-b90948a06c354952aea2c490c4518b0f',1,'2026-11-26T16:12:55.264802Z','counterpart','counterpart','Why should I?',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'null');
INSERT INTO "messages" VALUES(3,'c-b90948a06c354952aea2c490c4518b0f',2,'2026-11-26T16:12:55.264802Z','agent','agent','It is easier for guests to choose a room with a lower price. Could you do a selling price of 380 yuan?',NULL,'persuade','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,42.39,'null');
INSERT INTO "messages" VALUES(4,'c-b90948a06c354952aea2c490c4518b0f',3,'2026-11-26T16:12:55.392877Z','counterpart','counterpart','ok 380',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'null');
INSERT INTO "messages" VALUES(5,'c-b90948a06c354952aea2c490c4518b0f',4,'2026-11-26T16:12:55.392877Z','agent','agent','Thank you. To confirm: Queen Room, Dec 1-2, selling price 380 yuan.',NULL,'confirm','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,46.37,'null');
INSERT INTO "messages" VALUES(6,'c-b90948a06c354952aea2c490c4518b0f',5,'2026-11-26T16:12:55.520631Z','counterpart','counterpart','It''s settled then.',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'null');
INSERT INTO "messages" VALUES(7,'c-b90948a06c354952aea2c490c4518b0f',6,'2026-11-26T16:12:55.520631Z','agent','agent','Thank you. Have a nice day, goodbye.',NULL,'close','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,44.62,'null');
INSERT INTO "messages" VALUES(8,'c-3e1c6008759e4ad08331746bb150af88',0,'2026-11-26T16:12:55.654940Z','agent','agent','Hello, Café Ünïcode 酒店. My name is Lin and I work for Voyara. I am writing about your Queen Room for Dec 1-2, now selling at 420 yuan.',NULL,'open','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,60.49,'null');
INSERT INTO "messages" VALUES(9,'c-3e1c6008759e4ad08331746bb150af88',1,'2026-11-26T16:12:55.796951Z','counterpart','counterpart',NULL,45.0,NULL,NULL,NULL,NULL,NULL,NULL,'null');
INSERT INTO "messages" VALUES(10,'c-3e1c6008759e4ad08331746bb150af88',2,'2026-11-26T16:12:55.796951Z','agent','agent','Did you get a moment to look at my message? A lower price makes it easier for guests to choose your hotel.',NULL,'silence','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,42.41,'null');
INSERT INTO "messages" VALUES(11,'c-3e1c6008759e4ad08331746bb150af88',3,'2026-11-26T16:12:55.916848Z','counterpart','counterpart','我要找真人 🙂',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'null');
INSERT INTO "messages" VALUES(12,'c-3e1c6008759e4ad08331746bb150af88',4,'2026-11-26T16:12:55.916848Z','agent','agent','The hotel''s page had 310 views in the last 7 days. Could we set the selling price at 380 yuan?',NULL,'persuade','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,46.04,'null');
INSERT INTO "messages" VALUES(13,'c-3e1c6008759e4ad08331746bb150af88',5,'2026-11-26T16:12:56.029426Z','agent','operator','A person here.',NULL,'negotiate',NULL,NULL,NULL,NULL,NULL,'null');
INSERT INTO "messages" VALUES(14,'c-b542a54e0c3b451c8fe4a16f87777909',0,'2026-11-26T16:12:56.129872Z','agent','agent','Hello. My name is Lin and I work for Voyara. May I speak with the person who looks after room prices?',NULL,'open','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,33.83,'null');
INSERT INTO "messages" VALUES(15,'c-b542a54e0c3b451c8fe4a16f87777909',1,'2026-11-26T16:12:56.232742Z','counterpart','counterpart','Stop writing to me, never contact me again.',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'null');
INSERT INTO "messages" VALUES(16,'c-b542a54e0c3b451c8fe4a16f87777909',2,'2026-11-26T16:12:56.232742Z','agent','agent','I know that costs are high. No problem, we will keep the price as it is.',NULL,'decline','intent-8166a9bcf79e','intent','5a5bae40f9bd',0,34.42,'null');
CREATE TABLE opt_outs (
	contact_key VARCHAR(64) NOT NULL, 
	conversation_id VARCHAR(40), 
	at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_opt_outs PRIMARY KEY (contact_key), 
	CONSTRAINT fk_opt_outs_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);
INSERT INTO "opt_outs" VALUES('cdd4166bafdf3a536cd29144244b12918f083e7bf7e3b6cf640f3b882621744d','c-b542a54e0c3b451c8fe4a16f87777909','2026-11-26T16:12:56.232742Z');
CREATE TABLE standings (
	conversation_id VARCHAR(40) NOT NULL, 
	stage VARCHAR(80) NOT NULL, 
	side VARCHAR(80), 
	status VARCHAR(16) NOT NULL, 
	outcome VARCHAR(16), 
	turns INTEGER NOT NULL, 
	withheld INTEGER NOT NULL, 
	contact_key VARCHAR(64) NOT NULL, 
	due_at VARCHAR(32), 
	at VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_standings PRIMARY KEY (conversation_id), 
	CONSTRAINT fk_standings_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);
INSERT INTO "standings" VALUES('c-b90948a06c354952aea2c490c4518b0f','close',NULL,'ended','agreed',7,0,'4952675ad22a60ff0a018c6658f1e2a79e4ae8c0140a401f1633e7e78154b547',NULL,'2026-11-26T16:12:55.520631Z');
INSERT INTO "standings" VALUES('c-3e1c6008759e4ad08331746bb150af88','negotiate',NULL,'open',NULL,6,0,'8b8a80b5a60c0ce7f898d5d5211af6c652d22d39e018571cead5bcbc3c17bb31',NULL,'2026-11-26T16:12:56.029426Z');
INSERT INTO "standings" VALUES('c-b542a54e0c3b451c8fe4a16f87777909','decline',NULL,'ended','opted_out',3,0,'cdd4166bafdf3a536cd29144244b12918f083e7bf7e3b6cf640f3b882621744d',NULL,'2026-11-26T16:12:56.232742Z');
CREATE TABLE waiting (
	id INTEGER NOT NULL, 
	at VARCHAR(32) NOT NULL, 
	contact TEXT NOT NULL, 
	contact_key VARCHAR(64) NOT NULL, 
	brief JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	next_at VARCHAR(32) NOT NULL, 
	reason TEXT, 
	conversation_id VARCHAR(40), 
	key_id VARCHAR(40), 
	CONSTRAINT pk_waiting PRIMARY KEY (id), 
	CONSTRAINT fk_waiting_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id)
);
INSERT INTO "waiting" VALUES(1,'2026-11-26T16:12:56.594231Z','Waiting Palace','bef1e6f65e435c19c7d39ece8c7b1d9a8883de49a6967924b30e1fe8ebe9e652','{"tickets": [{"id": "t1", "currency": "CNY", "selling_price": 420.0, "commission_rate": 0.15, "target_selling_price": 380.0, "competitor_price": {"selling_price": 385.0, "source": "another platform"}, "room": "Queen Room", "check_in": "2026-12-01", "check_out": "2026-12-02"}], "facts": ["The hotel''s page had 310 views in the last 7 days."], "hotel": "Waiting Palace", "city": "Hangzhou", "agency": "Voyara", "agent_name": "Lin"}','waiting','2026-11-26T16:12:56.594231Z',NULL,NULL,NULL);
CREATE INDEX ix_conversations_contact_key ON conversations (contact_key);
CREATE INDEX ix_events_conversation_id ON events (conversation_id);
CREATE INDEX ix_standings_contact_key_status ON standings (contact_key, status);
CREATE INDEX ix_standings_due_at ON standings (due_at);
CREATE INDEX ix_standings_status_at ON standings (status, at);
CREATE INDEX ix_waiting_status_next_at ON waiting (status, next_at);
CREATE INDEX ix_deliveries_next_at ON deliveries (next_at);
CREATE TRIGGER keep_conversations_update BEFORE UPDATE ON conversations BEGIN SELECT RAISE(ABORT, 'conversations is append-only'); END;
CREATE TRIGGER keep_conversations_delete BEFORE DELETE ON conversations BEGIN SELECT RAISE(ABORT, 'conversations is append-only'); END;
CREATE TRIGGER keep_messages_update BEFORE UPDATE ON messages BEGIN SELECT RAISE(ABORT, 'messages is append-only'); END;
CREATE TRIGGER keep_messages_delete BEFORE DELETE ON messages BEGIN SELECT RAISE(ABORT, 'messages is append-only'); END;
CREATE TRIGGER keep_events_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER keep_events_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events is append-only'); END;
CREATE TRIGGER keep_opt_outs_update BEFORE UPDATE ON opt_outs BEGIN SELECT RAISE(ABORT, 'opt_outs is append-only'); END;
CREATE TRIGGER keep_opt_outs_delete BEFORE DELETE ON opt_outs BEGIN SELECT RAISE(ABORT, 'opt_outs is append-only'); END;
CREATE TRIGGER keep_audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER keep_audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
COMMIT;
