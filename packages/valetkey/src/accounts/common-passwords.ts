/**
 * Words and rows of keys that make up the passwords people choose most, in lower case.
 *
 * Written down from general knowledge, not taken from a leak: `password-policy.ts` also finds them with a few characters
 * around them and with digits for letters, which covers many times their number.
 */

/** Rows of keys and characters: any part of them, forwards or backwards, is no password. */
export const commonSequences: readonly string[] = [
  "01234567890123456789012345678901234567890",
  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
  "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
  "qwertzuiopasdfghjklyxcvbnm",
  "azertyuiopqsdfghjklmwxcvbn",
  "1234567890-=qwertyuiop",
  "!@#$%^&*()_+",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
  "qazwsxedcrfvtgbyhnujmikolp",
  "1q2w3e4r5t6y7u8i9o0p",
  "q1w2e3r4t5y6u7i8o9p0",
  "a1b2c3d4e5f6g7h8i9j0",
  "1a2b3c4d5e6f7g8h9i0j",
  "a1s2d3f4g5h6j7k8l9",
  "1a2s3d4f5g6h7j8k9l",
  "abc123abc123",
  "123abc123abc",
  "abcd1234abcd",
  "1234abcd1234",
  "qwer1234qwer",
  "1234qwer1234",
  "asdf1234asdf",
  "1234asdf1234",
  "qwerty123456789qwerty",
  "123456qwerty123456",
  "asdfasdfqwerqwerzxcvzxcv",
  "qweasdzxcqweasdzxc",
  "112233445566778899",
  "147258369147258369",
  "159357159357",
  "987654321123456789",
  "123454321",
  "11223344",
  "123123123",
  "1357924680",
  "2468013579",
  "31415926535",
  "zaq12wsxcde34rfv",
  "zaq1zaq1",
  "1qazxsw23edc",
  "qwe123qwe123",
  "123qweasdzxc",
  "asd123asd123",
  "aa123456aa",
  "a123456789a",
  "woaini1314520",
];

const words = `
password passwort passw0rd passwd pass passe passord motdepasse contrasena contraseña senha parola haslo wachtwoord salasana
lozinka kennwort geheim secret secrets secreto geheimnis topsecret changeme changeit change letmein letmeinnow welcome
welcometo willkommen bienvenue bienvenido benvenuto welkom hello helloworld hallo hallohallo bonjour hola ciao goodbye
admin admins administrator adminadmin administration root rootroot toor user users username guest default test tester testing
testtest temp temporary demo sample example examples login logon logmein signin signup access account accounts master
mastermaster manager system superuser superadmin support service server database oracle mysql postgres internet intranet
computer windows linux ubuntu debian android google gmail yahoo hotmail outlook facebook twitter instagram youtube linkedin
github gitlab amazon apple iphone samsung nokia microsoft office cisco dell lenovo toshiba playstation nintendo minecraft
fortnite roblox pokemon pikachu starcraft warcraft worldofwarcraft counterstrike halflife callofduty battlefield zelda mario
supermario sonic tetris qwerty qwertyui qwertyuiop qwert qwertz qwertzui azerty azertyui asdf asdfg asdfgh asdfghj asdfghjk
asdfghjkl asdfasdf zxcv zxcvb zxcvbn zxcvbnm qweasd qweasdzxc qazwsx qazwsxedc wsxedc abc abcd abcde abcdef abcdefg abcdefgh abcabc
iloveyou iloveu iloveyouforever iloveme ilovemyself ilovegod ilovejesus ilovemom ilovemum loveyou loveme lovelove lovely love
lover lovers lovebug loverboy lovergirl truelove mylove myloves teamo teamomucho tequiero jetaime ichliebedich tiamo amor
amore amormio amorcito forever forevermore always babygirl babyboy baby babydoll babes honey sweetheart sweetie sweety sugar
darling princess princesa prinzessin prinses queen king kings prince angel angels angelo angelito angelina heaven heavenly
jesus jesuschrist jesussaves christ godisgood godbless blessed blessing faith grace gracie hope glory church believe amen
trustno trustnoone nothing nobody noone whatever something anything everything someone mustang corvette camaro ferrari porsche
mercedes bmw audi honda toyota yamaha suzuki kawasaki harley davidson harleydavidson chevrolet chevy ford truck trucks racing
nascar motocross football futbol fussball soccer baseball basketball hockey volleyball softball tennis golf golfer golfing
cricket rugby wrestling swimming snowboard skateboard skater surfing surfer fishing hunting hunter runner running karate
dragon dragons dragonball monkey monkeys monkeyboy tiger tigers tigger lion lions panther panthers eagle eagles falcon falcons
bear bears teddybear wolf wolves wolverine wildcat wildcats bulldog bulldogs bull bulls dolphin dolphins shark sharks snake
spider spiderman scorpion turtle turtles rabbit bunny bunnies kitty kitten kittens kittycat hellokitty cats pussycat doggie
doggy puppy puppies horse horses pony unicorn butterfly butterflies ladybug elephant giraffe penguin panda chicken rooster
cowboy cowboys cowgirl redskins yankees redsox steelers packers raiders broncos patriots dodgers giants lakers celtics arsenal
chelsea liverpool manchester manunited everton barcelona realmadrid juventus milan inter ajax benfica rangers celtic
superman batman batman superwoman wonderwoman ironman hulk captain captainamerica avengers starwars startrek skywalker
darthvader vader yoda jedi matrix terminator gandalf frodo aragorn legolas hobbit potter harrypotter hermione hogwarts dumbledore
voldemort twilight vampire vampires zombie zombies naruto sasuke onepiece bleach goku vegeta sailormoon simpsons homersimpson
bart southpark scooby scoobydoo snoopy garfield mickey mickeymouse minnie donald donaldduck goofy disney winnie pooh
cinderella aladdin tinkerbell peterpan nemo shrek sunshine sunshines sunflower sunflowers sunny sunset sunrise moonlight moon
starlight stars star rainbow rainbows flower flowers rose roses lily daisy violet jasmine jasmin orchid cherry strawberry
banana bananas apples orange peaches peach chocolate chocolates cookie cookies cupcake candy candyman icecream cheese pizza
hamburger coffee peanut peanutbutter pepper chicken butter popcorn cocacola pepsi whiskey vodka budweiser heineken
summer summertime winter spring autumn sommer verano snow snowman snowball snowflake christmas santa santaclaus halloween easter
january february march april may june july august september october november december monday tuesday wednesday thursday
friday saturday sunday weekend holiday holidays vacation birthday happy happyday happiness happybirthday smile smiley lucky
luckyone luckydog money moneymoney dollar dollars cash gold golden golden silver diamond diamonds crystal platinum million
millionaire business success winner winners victory champion champions freedom liberty justice peace peaceful power powerful
energy fire firefox firebird thunder lightning storm hurricane phoenix blaze blazer magic magical wizard mystery mystic
ninja ninjas samurai warrior warriors soldier marine marines army navy airforce military police fireman sniper killer assassin
shadow shadows darkness dark darkside black blackjack blackcat blackberry blue bluesky blueberry green greenday red
purple yellow white pink pinky pinkfloyd metallica slipknot nirvana linkinpark eminem beatles elvis madonna shakira rihanna
beyonce bieber justinbieber onedirection jonas jonasbrothers tokiohotel rockstar rocknroll rockyou rockon rock music musica
guitar guitars drummer drums piano violin trumpet dance dancer dancing singer hiphop rapper reggae bobmarley marley
freestyle fantasy dream dreams dreamer dreaming imagine paradise eternity infinity universe galaxy saturn jupiter mercury
neptune apollo zeus athena hercules spartan spartans trojan trojans titan titans legend legends
michael michelle jennifer jessica ashley amanda daniel daniela andrew anthony joshua jordan matthew christopher christian
christina christine robert richard william thomas charles charlie charlotte joseph nicholas nicole samantha stephanie
elizabeth alexander alexandra alexis alejandro alejandra fernando fernanda francisco roberto ricardo eduardo carlos miguel
gabriel gabriela rafael sebastian santiago veronica victoria vanessa valentina isabella isabelle natalie natasha anastasia
catherine katherine caroline carolina rebecca rachel hannah heather melissa danielle gabrielle brandon brandy brittany
tiffany courtney kimberly patricia patrick benjamin jonathan nathan nathaniel timothy tyler dylan jackson johnson williams
anderson martin martinez rodriguez garcia hernandez gonzalez lopez maggie molly bailey buddy buster rocky max maxwell
ginger smokey princess whiskers cooper tucker oliver oscar sophie samson bandit hunter patches precious chester murphy simba
america american usa canada mexico brazil brasil argentina colombia england london paris france germany deutschland berlin
hamburg italia italy roma spain espana madrid portugal lisboa russia moscow ukraine china beijing india indian pakistan japan
tokyo korea australia sydney africa newyork california florida texas chicago boston dallas denver houston phoenix atlanta
asshole bitch bastard fuck fucker fuckme fuckoff fuckyou fuckyouall motherfucker pussy dickhead bigdick bigdaddy bigboy bigman
sexy sexybitch sexygirl sexyboy sexylady hottie hotgirl hotboy playboy playgirl pimp gangster gangsta thuglife loser losers
idiot stupid crazy crazygirl insane psycho maniac monster beast demon devil devils satan lucifer hell hellfire
mommy mother mama mamapapa momanddad father daddy daddysgirl papa papito sister brother family familia familie friend friends
bestfriend bestfriends girlfriend boyfriend amigos amigo chica chico nena bebe bonita hermosa guapo mariposa estrella corazon
cielo sol luna tesoro mihermosa teextrano contigo siempre chocolat doudou loulou soleil etoile coucou nicolas marseille
schatz schatzi liebe liebling sonne sternchen mausi hase hasi spatz engel engelchen baerchen blume sommer ferien schule
student students school highschool college university teacher professor doctor nurse lawyer engineer developer programmer
hacker hacking hackme hacked cracker cyber matrix network security secure private personal keepout openup opensesame sesame
abracadabra alohomora enter entrar gateway keyboard monitor printer mouse laptop desktop mobile phone telephone camera
wireless wifi router modem backup archive download upload update install program software hardware website webmaster
control alpha omega delta gamma sigma zulu bravo charlie echo foxtrot tango whiskey november romeo juliet romeojuliet
`;

/** Words that alone, or with a few characters around them, are no password. */
export const commonWords: ReadonlySet<string> = new Set(words.split(/\s+/).filter((word) => word !== ""));
