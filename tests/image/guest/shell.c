/* A stand-in for a Hurd system, for tests of `hurd-image vm` where there is none.

   It is a kernel that a multiboot loader starts in place of GNU Mach. On the serial line it behaves
   as a system does whose console is there: it prints its boot words, asks for a login unless they
   say `single`, echoes what is typed, and gives a shell that knows the few things below. It is no
   Hurd and proves nothing about one.

   What is piped into `cat` is written as it is. Boot words: single; nopassword (root has none); panic, restart, silent (what it does instead of
   coming up). Commands: echo, true, false, exit, eval, cat, touch, stty, uname, id,
   words, count, hang, sleep, load,
   store, reboot, halt, panic. */

typedef unsigned char byte;
typedef unsigned int word;

static inline void out8(word port, byte value)
{ __asm__ volatile("outb %b0, %w1" : : "a"(value), "Nd"(port)); }
static inline byte in8(word port)
{ byte value; __asm__ volatile("inb %w1, %b0" : "=a"(value) : "Nd"(port)); return value; }
static inline void out16(word port, unsigned short value)
{ __asm__ volatile("outw %w0, %w1" : : "a"(value), "Nd"(port)); }
static inline unsigned short in16(word port)
{ unsigned short value; __asm__ volatile("inw %w1, %w0" : "=a"(value) : "Nd"(port)); return value; }

/* ---- Strings. ---- */

static word length(const char *text)
{ word n = 0; while (text[n]) n++; return n; }

static int same(const char *one, const char *other)
{ while (*one && *one == *other) one++, other++; return *one == *other; }

static int begins(const char *text, const char *start)
{ while (*start) if (*text++ != *start++) return 0; return 1; }

/* ---- The console: COM1, by polling, with a terminal's habits. ---- */

enum { COM1 = 0x3f8 };
static int echoes = 1, translates = 1;

static void put(char c)
{
	while (!(in8(COM1 + 5) & 0x20)) ;
	out8(COM1, c);
}

static void print(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n' && translates)
			put('\r');
		put(*text);
	}
}

static void print_number(word number)
{
	char digits[11];
	int at = 10;
	digits[at] = 0;
	do digits[--at] = '0' + number % 10; while (number /= 10);
	print(digits + at);
}

static char get(void)
{
	while (!(in8(COM1 + 5) & 1)) ;
	return in8(COM1);
}

/* A line, as a terminal in canonical mode hands it over: what is longer than 255 bytes is lost. */
static void get_line(char *line, int echo)
{
	word n = 0;
	for (;;) {
		char c = get();
		if (c == '\r' || c == '\n') {
			print("\n");
			line[n] = 0;
			return;
		}
		if (n < 255) {
			line[n++] = c;
			if (echo)
				put(c);
		}
	}
}

/* ---- The machine. ---- */

static void restart(void)
{
	while (in8(0x64) & 2) ;
	out8(0x64, 0xfe);		/* the keyboard controller's reset line */
	for (;;) ;
}

static void stop(void)
{ for (;;) __asm__ volatile("cli; hlt"); }

static void panic(const char *why)
{
	print("panic {cpu0} shell.c: stand_in: ");
	print(why);
	print("\n");
	restart();
}

/* Sector 1 of the first disk lies between the boot sector and the core image's end in no image
   that we make with a partition at 1 MiB; sector 2040 is free in all of them. */
enum { SECTOR = 2040 };

static void disk_command(byte command)
{
	while (in8(0x1f7) & 0x80) ;
	out8(0x1f6, 0xe0);
	out8(0x1f2, 1);
	out8(0x1f3, SECTOR & 255);
	out8(0x1f4, SECTOR >> 8);
	out8(0x1f5, 0);
	out8(0x1f7, command);
	while ((in8(0x1f7) & 0x88) != 8) ;
}

static void store(const char *text)
{
	char sector[512] = {0};
	for (word i = 0; text[i] && i < 511; i++)
		sector[i] = text[i];
	disk_command(0x30);
	for (word i = 0; i < 512; i += 2)
		out16(0x1f0, (byte) sector[i] | (byte) sector[i + 1] << 8);
	while (in8(0x1f7) & 0x80) ;
	out8(0x1f7, 0xe7);		/* flush */
	while (in8(0x1f7) & 0x80) ;
}

static void load(void)
{
	char sector[513];
	disk_command(0x20);
	for (word i = 0; i < 512; i += 2) {
		unsigned short both = in16(0x1f0);
		sector[i] = both;
		sector[i + 1] = both >> 8;
	}
	sector[512] = 0;
	print(sector);
	print("\n");
}

/* ---- The shell: lists, ||, subshells, one variable, quotes. ---- */

static const char *boot_words = "";
static char user[256] = "root";
static char variable_name[32], variable[8192];
static word status;
static int left;			/* `exit` was called in this subshell */

static void run(char *text);

static int command(char **argv, int argc)
{
	const char *name = argv[0];
	if (same(name, "echo")) {
		for (int i = 1; i < argc; i++) {
			print(argv[i]);
			if (i + 1 < argc)
				print(" ");
		}
		print("\n");
	} else if (same(name, "true") || same(name, "cat") || same(name, "touch")) {
		return 0;
	} else if (same(name, "false")) {
		return 1;
	} else if (same(name, "exit")) {
		word n = 0;
		for (const char *c = argc > 1 ? argv[1] : ""; *c; c++)
			n = n * 10 + *c - '0';
		left = 1;
		return n;
	} else if (same(name, "eval")) {
		if (argc > 1)
			run(argv[1]);
		return status;
	} else if (same(name, "stty")) {
		for (int i = 1; i < argc; i++) {
			if (same(argv[i], "-echo")) echoes = 0;
			else if (same(argv[i], "-opost")) translates = 0;
		}
	} else if (same(name, "uname")) {
		print("GNU stand-in 0.9 GNU-Mach 1.8 i686\n");
	} else if (same(name, "words")) {
		print(boot_words);
		print("\n");
	} else if (same(name, "count")) {
		for (word i = 0; i < 2000; i++) {
			print_number(i);
			print("\n");
		}
	} else if (same(name, "id")) {
		print(user);
		print("\n");
	} else if (same(name, "sleep")) {
		stop();
	} else if (same(name, "hang")) {
		print("hanging\n");
		stop();
	} else if (same(name, "load")) {
		load();
	} else if (same(name, "store")) {
		store(argc > 1 ? argv[1] : "");
	} else if (same(name, "reboot")) {
		restart();
	} else if (same(name, "halt")) {
		print("Shutdown completed successfully, now in tight loop.\n"
		      "You can safely power off the system or hit ctl-alt-del to reboot\n");
		stop();
	} else if (same(name, "panic")) {
		panic("as asked");
	} else {
		print("sh: ");
		print(name);
		print(": not found\n");
		return 127;
	}
	return 0;
}

/* Expand and run one simple command. */
static void run_simple(const char *text)
{
	static char words[16384];
	char *argv[32], *to = words;
	int argc = 0, in_word = 0, assigns = 0;
	char quote = 0;
	for (;; text++) {
		char c = *text;
		if (!quote && (c == 0 || c == ' ' || c == '\t' || c == '\n')) {
			if (in_word)
				*to++ = 0;
			in_word = 0;
			if (!c)
				break;
			continue;
		}
		if (!in_word) {
			if (argc == 31)
				break;
			argv[argc++] = to;
			in_word = 1;
		}
		if (c == quote && quote) {
			quote = 0;
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
		} else if (!quote && c == '\\' && text[1]) {
			*to++ = *++text;
		} else if (quote != '\'' && c == '$' && text[1] == '?') {
			text++;
			char digits[4] = {'0' + status / 100 % 10, '0' + status / 10 % 10,
					  '0' + status % 10, 0};
			char *d = digits;
			while (*d == '0' && d[1]) d++;
			while (*d) *to++ = *d++;
		} else if (quote != '\'' && c == '$' && variable_name[0]
			   && begins(text + 1, variable_name)) {
			text += length(variable_name);
			for (char *v = variable; *v; v++) *to++ = *v;
		} else {
			if (c == '=' && argc == 1 && !quote) assigns = 1;
			*to++ = c;
		}
	}
	/* Redirections: there is nothing to read anyway, and nowhere else to write. */
	int kept = 0;
	for (int i = 0; i < argc; i++)
		if (!begins(argv[i], "2>") && !begins(argv[i], "</"))
			argv[kept++] = argv[i];
	if (!kept)
		return;
	if (assigns) {
		word n = 0;
		while (argv[0][n] != '=') { variable_name[n] = argv[0][n]; n++; }
		variable_name[n++] = 0;
		word m = 0;
		while ((variable[m] = argv[0][n + m])) m++;
		status = 0;
		return;
	}
	status = command(argv, kept);
}

/* Run a list. */
static void run(char *text)
{
	while (*text && !left) {
		char *end = text, quote = 0;
		int depth = 0;
		for (; *end; end++) {
			if (quote) { if (*end == quote) quote = 0; }
			else if (*end == '\\' && end[1]) end++;
			else if (*end == '\'' || *end == '"') quote = *end;
			else if (*end == '(' || *end == '{') depth++;
			else if (*end == ')' || *end == '}') depth--;
			else if (!depth && (*end == ';' || *end == '\n' || *end == '|')) break;
		}
		char separator = *end;
		*end = 0;
		while (*text == ' ') text++;
		if (*text == '(' || *text == '{') {
			char *close = end, open = *text;
			while (*close != (open == '(' ? ')' : '}')) close--;
			*close = 0;
			run(text + 1);
			if (open == '(')
				left = 0;
		} else {
			run_simple(text);
		}
		if (!separator)
			return;
		text = end + 1;
		if (separator == '|' && (*text != '|' || status == 0))
			while (*text && *text != ';') text++;	/* `| cat`, or it went well */
		else if (separator == '|')
			text++;
	}
}

static void shell(void)
{
	static char text[8192];
	for (;;) {
		word n = 0, quotes = 0;
		print("sh-5.2# ");
		for (;;) {
			get_line(text + n, echoes);
			for (; text[n]; n++)
				if (text[n] == '\'' && (n == 0 || text[n - 1] != '\\')) quotes++;
			if (quotes % 2 == 0)
				break;
			text[n++] = '\n';
			print("> ");
		}
		left = 0;
		run(text);
	}
}

/* ---- Booting. ---- */

static int told(const char *name)
{
	for (const char *at = boot_words; *at; at++)
		if (begins(at, name) && (at == boot_words || at[-1] == ' ')
		    && (at[length(name)] == ' ' || !at[length(name)]))
			return 1;
	return 0;
}

static void log_in(void)
{
	char password[256];
	for (;;) {
		print("\nGNU 0.9 (stand-in) (console)\n\nlogin: ");
		get_line(user, 1);
		if (told("nopassword") && same(user, "root"))
			return;
		print("Password: ");
		get_line(password, 0);
		if (same(password, "sesame"))
			return;
		print("Login incorrect\n");
	}
}

void run_stand_in(word *information)
{
	if (information[0] & 4)
		boot_words = (const char *) information[4];
	if (told("silent"))
		stop();
	print("stand-in kernel: ");
	print(boot_words);
	print("\n");
	if (told("panic"))
		panic("as the boot words ask");
	if (told("restart"))
		restart();
	if (!told("single"))
		log_in();
	shell();
}
